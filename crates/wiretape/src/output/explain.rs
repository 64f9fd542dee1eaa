//! How an answer was found, in words.

use tape::question::Explanation;

use super::coverage::thousands;
use crate::terminal;

/// Says on stderr what each stage of an answer left.
pub(crate) fn print(explanation: &Explanation) {
    for line in lines(explanation) {
        terminal::line(line);
    }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tape::question::Stage;

    use super::*;

    #[test]
    fn stages_are_lines() {
        let stage = |what, left, of, bytes| Stage { what, left, of, bytes, took: Duration::from_micros(1500) };
        let stages = vec![stage("flow files by index", 2, 10_000, 0), stage("frames", 3, 40, 2_500_000)];
        let lines = lines(&Explanation { needs: "address 10.0.0.1 or a tunnel".into(), stages });
        let words = |line: &String| line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            lines.iter().map(words).collect::<Vec<_>>(),
            [
                "looked up: address 10.0.0.1 or a tunnel",
                "stage left of MB took",
                "flow files by index 2 10,000 1.5ms",
                "frames 3 40 2.5 1.5ms"
            ]
        );
        assert_eq!(super::lines(&Explanation::default()), Vec::<String>::new());
    }
}
