//! The report of a case: one page that needs nothing else, in which everything from outside is text.

use investigate::files::{FoundFile, Hex};
use serde_json::Value;

use super::{Items, SHOWN_MAX};
use crate::output::coverage::thousands;
use crate::output::flows::FlowRecord;
use crate::terminal::escaped;
use crate::units::{second_text, size_text};

/// No script runs and nothing is fetched, whatever stands in the page.
const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
<style>body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem}\
table{border-collapse:collapse;margin:.5rem 0 2rem;width:100%}th,td{text-align:left;padding:.2rem .6rem;\
border-bottom:1px solid #ddd;vertical-align:top;overflow-wrap:anywhere}th{border-bottom:2px solid #888}\
td.n{text-align:right;white-space:nowrap}code{font:13px/1.4 ui-monospace,monospace}</style>\n";

/// What the report tells.
pub(super) struct Report<'a> {
    pub(super) title: &'a str,
    pub(super) about: &'a Value,
    pub(super) packets: u64,
    pub(super) flows: &'a [FlowRecord],
    pub(super) flow_count: u64,
    pub(super) files: &'a [FoundFile],
    pub(super) items: Items<'a>,
    pub(super) private: usize,
    pub(super) left_out: usize,
    pub(super) holds: &'a Value,
}

impl Report<'_> {
    /// The page.
    pub(super) fn html(&self) -> String {
        let mut page = String::from(HEAD);
        let title = text(self.title);
        page.push_str(&format!("<title>{title}</title></head><body>\n<h1>{title}</h1>\n"));
        self.push_about(&mut page);
        self.push_flows(&mut page);
        self.push_files(&mut page);
        self.push_items(&mut page);
        page.push_str("</body></html>\n");
        page
    }

    fn push_about(&self, page: &mut String) {
        let said = |name: &str| self.about[name].as_str().unwrap_or("–").to_owned();
        let list = |name: &str| {
            let values = self.about[name].as_array().into_iter().flatten().filter_map(Value::as_str);
            values.map(str::to_owned).collect::<Vec<String>>()
        };
        let holds = self.holds.as_array().into_iter().flatten().filter_map(|hold| hold["name"].as_str());
        let rows = [
            ["Asked".to_owned(), said("asked")],
            ["Of".to_owned(), list("source").join(", ")],
            ["From".to_owned(), said("from")],
            ["To".to_owned(), said("to")],
            ["Written".to_owned(), format!("{} by {}", said("written"), said("by"))],
            ["Packets".to_owned(), thousands(self.packets)],
            ["Flows".to_owned(), thousands(self.flow_count)],
            ["Files".to_owned(), thousands(self.files.len() as u64)],
            ["Holds".to_owned(), holds.collect::<Vec<_>>().join(", ")],
        ];
        table(page, &["", ""], rows.into_iter());
        let missing = list("not_covered");
        page.push_str("<h2>Coverage</h2>\n");
        if missing.is_empty() {
            page.push_str("<p>The range is covered without a gap.</p>\n");
        } else {
            page.push_str("<p>Not everything could be looked at:</p><ul>\n");
            missing.iter().for_each(|line| page.push_str(&format!("<li><code>{}</code></li>\n", text(line))));
            page.push_str("</ul>\n");
        }
    }

    fn push_flows(&self, page: &mut String) {
        page.push_str(&format!("<h2>Flows</h2>\n{}", shown(self.flow_count, self.flows.len(), "flows.jsonl")));
        let end = |ip: &Option<String>, port: Option<u16>| match (ip, port) {
            (Some(ip), Some(port)) => format!("{ip} port {port}"),
            (Some(ip), None) => ip.clone(),
            (None, _) => "–".to_owned(),
        };
        let rows = self.flows.iter().map(|flow| {
            [
                second_text(flow.start),
                end(&flow.src_ip, flow.src_port),
                end(&flow.dest_ip, flow.dest_port),
                flow.proto.clone(),
                size_text(flow.bytes_toserver),
                size_text(flow.bytes_toclient),
                flow.payload.first("app_proto").unwrap_or_default().to_owned(),
                flow.payload.about().unwrap_or_default().to_owned(),
                flow.conn_state.to_owned(),
                flow.flow_id.clone(),
            ]
        });
        let titles =
            ["Start", "Client", "Server", "Protocol", "To server", "To client", "Speaks", "About", "State", "Flow"];
        table(page, &titles, rows);
    }

    fn push_files(&self, page: &mut String) {
        let count = self.files.len();
        page.push_str(&format!("<h2>Files</h2>\n{}", shown(count as u64, count.min(SHOWN_MAX), "files.jsonl")));
        let rows = self.files.iter().take(SHOWN_MAX).map(|file| {
            [
                second_text(file.time),
                file.name.clone().unwrap_or_default(),
                file.mime.unwrap_or_default().to_owned(),
                size_text(file.there),
                if file.is_complete() { "whole" } else { "in part" }.to_owned(),
                file.hashes.map(|hashes| Hex(&hashes.sha256).to_string()).unwrap_or_default(),
            ]
        });
        table(page, &["Time", "Name", "Type", "Bytes", "There", "SHA-256"], rows);
    }

    fn push_items(&self, page: &mut String) {
        let count = self.items.len();
        page.push_str(&format!("<h2>Indicators</h2>\n{}", shown(count as u64, count.min(SHOWN_MAX), "indicators.csv")));
        page.push_str(&format!(
            "<p>Left out: {} of private networks, {} that are allowed.</p>\n",
            self.private, self.left_out
        ));
        let rows = self.items.iter().take(SHOWN_MAX).map(|(indicator, item)| {
            [
                indicator.kind.name().to_owned(),
                indicator.value.clone(),
                thousands(item.count),
                thousands(item.flows.len() as u64),
                second_text(item.first),
                second_text(item.last),
            ]
        });
        table(page, &["Kind", "Indicator", "Count", "Flows", "First seen", "Last seen"], rows);
    }
}

fn shown(count: u64, shown: usize, list: &str) -> String {
    match count > shown as u64 {
        true => format!("<p>The first {shown} of {}; all are in {list}.</p>\n", thousands(count)),
        false => String::new(),
    }
}

fn table<const N: usize>(page: &mut String, titles: &[&str; N], rows: impl Iterator<Item = [String; N]>) {
    page.push_str("<table>");
    if titles.iter().any(|title| !title.is_empty()) {
        page.push_str("<tr>");
        titles.iter().for_each(|title| page.push_str(&format!("<th>{title}</th>")));
        page.push_str("</tr>");
    }
    for row in rows {
        page.push_str("\n<tr>");
        row.iter().for_each(|cell| page.push_str(&format!("<td>{}</td>", text(cell))));
        page.push_str("</tr>");
    }
    page.push_str("</table>\n");
}

/// Text as text, whoever wrote it.
fn text(raw: &str) -> String {
    let mut safe = String::with_capacity(raw.len());
    for letter in escaped(raw).chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_is_text() {
        assert_eq!(
            text("<script>alert('x')</script>&\"\u{202e}\x1b"),
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;\\u{202e}\\u{1b}"
        );
    }
}
