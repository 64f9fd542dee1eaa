//! MISP events.

use serde_json::Value;

use super::prose::refanged;
use super::read::Found;
use super::{Indicator, Kind};

/// Whether it is an event, or a list of them.
pub(super) fn is_event(value: &Value) -> bool {
    !events(value).is_empty()
}

/// Reads the attributes that are for detection; of an event that has none of those, all.
pub(super) fn read(value: &Value, found: &mut Found) {
    for event in events(value) {
        let attributes: Vec<&Value> = attributes(event).filter(|attribute| attribute["deleted"] != true).collect();
        let for_detection = |attribute: &&&Value| attribute["to_ids"] == true || attribute["to_ids"] == "1";
        let has_marked = attributes.iter().any(|attribute| for_detection(&attribute));
        for attribute in attributes.iter().filter(|attribute| !has_marked || for_detection(attribute)) {
            read_attribute(attribute, event["info"].as_str(), found);
        }
    }
}

/// One attribute; of two values in one (`filename|sha256`) each by itself.
fn read_attribute(attribute: &Value, info: Option<&str>, found: &mut Found) {
    let (Some(kinds), Some(text)) = (attribute["type"].as_str(), attribute["value"].as_str()) else { return };
    let about = attribute["comment"].as_str().filter(|comment| !comment.is_empty()).or(info);
    let values: Vec<&str> = if kinds.contains('|') { text.split('|').collect() } else { vec![text] };
    for (kind, value) in kinds.split('|').zip(values) {
        let (value, _) = refanged(value);
        match Kind::named(kind).and_then(|kind| Indicator::new(kind, &value)) {
            Some(indicator) => found.add(indicator, about),
            None if kind == "filename" || kind == "port" => {}
            None => found.leave_out(&value, "of a kind that is not looked for"),
        }
    }
}

fn events(value: &Value) -> Vec<&Value> {
    let inner = |value: &'_ Value| value["Attribute"].is_array() || value["Object"].is_array();
    if value["Event"].is_object() {
        return vec![&value["Event"]];
    }
    if inner(value) {
        return vec![value];
    }
    let list = value["response"].as_array().or(value.as_array());
    list.into_iter().flatten().map(|entry| &entry["Event"]).filter(|event| event.is_object()).collect()
}

fn attributes(event: &Value) -> impl Iterator<Item = &Value> {
    let own = event["Attribute"].as_array().into_iter().flatten();
    let objects = event["Object"].as_array().into_iter().flatten();
    own.chain(objects.flat_map(|object| object["Attribute"].as_array().into_iter().flatten()))
}
