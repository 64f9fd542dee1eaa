//! STIX 2 bundles.

use serde_json::Value;

use super::pattern;
use super::read::Found;

/// Whether it is a bundle, or one of its objects.
pub(super) fn is_bundle(value: &Value) -> bool {
    value["type"] == "bundle" || (value["type"] == "indicator" && value["pattern"].is_string())
}

/// Reads the patterns of a bundle; of a bundle without any, what was observed.
pub(super) fn read(value: &Value, found: &mut Found) {
    let objects = match value["objects"].as_array() {
        Some(objects) => objects.as_slice(),
        None => std::slice::from_ref(value),
    };
    let mut patterns = 0;
    for object in objects.iter().filter(|object| object["type"] == "indicator") {
        patterns += 1;
        let Some(pattern) = object["pattern"].as_str() else { continue };
        if object["revoked"] == true {
            found.leave_out(pattern, "revoked");
            continue;
        }
        if object["pattern_type"].as_str().is_some_and(|kind| kind != "stix") {
            found.leave_out(object["name"].as_str().unwrap_or(pattern), "a pattern of another language");
            continue;
        }
        for indicator in pattern::indicators(pattern) {
            match indicator {
                Ok(indicator) => found.add(indicator, object["name"].as_str()),
                Err(comparison) => found.leave_out(&comparison, "of a kind that is not looked for"),
            }
        }
    }
    if patterns == 0 {
        objects.iter().for_each(|object| read_observed(object, found));
    }
}

fn read_observed(object: &Value, found: &mut Found) {
    let Some(kind) = object["type"].as_str() else { return };
    let take = |path: &str, value: &Value, found: &mut Found| {
        if let Some(indicator) = value.as_str().and_then(|text| pattern::of_path(path, text)) {
            found.add(indicator, None);
        }
    };
    take(&format!("{kind}:value"), &object["value"], found);
    for (name, value) in object["hashes"].as_object().into_iter().flatten() {
        take(&format!("{kind}:hashes.{name}"), value, found);
    }
    // STIX 2.0 has what was observed inside of the observation.
    for (_, inner) in object["objects"].as_object().into_iter().flatten() {
        take(&format!("{}:value", inner["type"].as_str().unwrap_or_default()), &inner["value"], found);
    }
}
