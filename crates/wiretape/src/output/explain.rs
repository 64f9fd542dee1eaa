//! How an answer is going to be found, and how it was, in words or as JSON on stderr.

use serde_json::json;
use tape::question::{Explanation, Plan};

use super::coverage::thousands;
use crate::terminal;

/// How it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// In words.
    Words,
    /// One object a line.
    Json,
}

/// Says what a question will do.
pub(crate) fn print_plan(plan: &Plan, form: Form) {
    match form {
        Form::Words => plan_lines(plan).into_iter().for_each(terminal::line),
        Form::Json => terminal::line(plan_json(plan)),
    }
}

/// Says what each stage of an answer left.
pub(crate) fn print(explanation: &Explanation, form: Form) {
    match form {
        Form::Words => lines(explanation).into_iter().for_each(terminal::line),
        Form::Json => terminal::line(json(explanation)),
    }
}

fn plan_lines(plan: &Plan) -> Vec<String> {
    let number = thousands;
    let (in_time, files) = plan.files_in_time;
    let (rows, of_rows) = plan.rows;
    let mut lines = vec![format!("plan: look up {}", terminal::escaped(&plan.needs))];
    if plan.files > 0 || files > 0 {
        lines.push(format!(
            "  rows: {} of {} in {} of {} flow files ({} of these times)",
            number(rows),
            number(of_rows),
            number(plan.files),
            number(files),
            number(in_time)
        ));
    }
    if plan.frames > 0 {
        let megabytes = plan.frame_bytes as f64 / 1e6;
        lines.push(format!(
            "  packets: at most {} in {} frames, {megabytes:.1} MB",
            number(plan.packets_max),
            number(plan.frames)
        ));
    }
    lines.push(format!("  cost: about {:.0} ms, files in memory", plan.took.as_secs_f64() * 1e3));
    lines
}

fn plan_json(plan: &Plan) -> String {
    let plan = json!({"plan": {
        "needs": plan.needs,
        "flow_files": plan.files_in_time.1,
        "flow_files_in_time": plan.files_in_time.0,
        "flow_files_read": plan.files,
        "rows": plan.rows.1,
        "rows_read": plan.rows.0,
        "frames_max": plan.frames,
        "frame_bytes_max": plan.frame_bytes,
        "packets_max": plan.packets_max,
        "estimated_ms": milliseconds(plan.took),
    }});
    plan.to_string()
}

fn lines(explanation: &Explanation) -> Vec<String> {
    let mut lines = Vec::new();
    if !explanation.needs.is_empty() {
        lines.push(format!("looked up: {}", terminal::escaped(&explanation.needs)));
    }
    if !explanation.stages.is_empty() {
        lines.push(format!("{:<34} {:>12} {:>12} {:>9} {:>9}", "stage", "left", "of", "MB", "took"));
    }
    for stage in &explanation.stages {
        let megabytes = if stage.bytes > 0 { format!("{:.1}", stage.bytes as f64 / 1e6) } else { String::new() };
        let (left, of) = (thousands(stage.left), thousands(stage.of));
        let took = format!("{:.1}ms", stage.took.as_secs_f64() * 1e3);
        lines.push(format!("{:<34} {left:>12} {of:>12} {megabytes:>9} {took:>9}", stage.what));
    }
    lines
}

fn json(explanation: &Explanation) -> String {
    let stages: Vec<serde_json::Value> = explanation
        .stages
        .iter()
        .map(|stage| {
            let took = milliseconds(stage.took);
            json!({"stage": stage.what, "left": stage.left, "of": stage.of, "bytes": stage.bytes, "ms": took})
        })
        .collect();
    json!({"explanation": {"needs": explanation.needs, "stages": stages}}).to_string()
}

fn milliseconds(took: std::time::Duration) -> f64 {
    took.as_micros() as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tape::question::Stage;

    use super::*;

    fn words(lines: &[String]) -> Vec<String> {
        lines.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn stages_are_lines_or_json() {
        let stage = |what, left, of, bytes| Stage { what, left, of, bytes, took: Duration::from_micros(1500) };
        let stages = vec![stage("flow files by index", 2, 10_000, 0), stage("frames", 3, 40, 2_500_000)];
        let explanation = Explanation { needs: "address 10.0.0.1 or a tunnel".into(), stages };
        assert_eq!(
            words(&lines(&explanation)),
            [
                "looked up: address 10.0.0.1 or a tunnel",
                "stage left of MB took",
                "flow files by index 2 10,000 1.5ms",
                "frames 3 40 2.5 1.5ms"
            ]
        );
        let found: serde_json::Value = serde_json::from_str(&json(&explanation)).unwrap();
        assert_eq!(found["explanation"]["stages"][1]["bytes"], 2_500_000);
        assert_eq!(found["explanation"]["stages"][0]["ms"], 1.5);
        assert_eq!(super::lines(&Explanation::default()), Vec::<String>::new());
    }

    #[test]
    fn plans_are_lines_or_json() {
        let plan = Plan {
            needs: "port 53".into(),
            files_in_time: (3, 18),
            files: 2,
            rows: (40, 120_000),
            frames: 7,
            frame_bytes: 5_000_000,
            packets_max: 1234,
            took: Duration::from_millis(12),
        };
        assert_eq!(
            words(&plan_lines(&plan)),
            [
                "plan: look up port 53",
                "rows: 40 of 120,000 in 2 of 18 flow files (3 of these times)",
                "packets: at most 1,234 in 7 frames, 5.0 MB",
                "cost: about 12 ms, files in memory"
            ]
        );
        let found: serde_json::Value = serde_json::from_str(&plan_json(&plan)).unwrap();
        assert_eq!((&found["plan"]["rows_read"], &found["plan"]["estimated_ms"]), (&json!(40), &json!(12.0)));
    }
}
