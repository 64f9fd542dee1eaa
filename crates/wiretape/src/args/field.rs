//! A field of flows by its name.

use std::str::FromStr;

use filter::question::Field;

/// A field that is named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ByField(pub(crate) Field);

impl FromStr for ByField {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.trim().to_ascii_lowercase();
        Field::named(&name).map(Self).ok_or_else(|| {
            let nearest = Field::ALL.iter().map(|field| (strsim::jaro_winkler(&name, field.name()), field.name()));
            let nearest = nearest.max_by(|(a, _), (b, _)| a.total_cmp(b)).map_or("dest_ip", |(_, name)| name);
            format!("there is no field {text:?}; did you mean {nearest}? docs/filters.md lists them")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_by_name() {
        assert_eq!("dest_ip".parse(), Ok(ByField(Field::DestIp)));
        assert_eq!("Dest_Port".parse(), Ok(ByField(Field::DestPort)));
        assert!("dst_ip".parse::<ByField>().expect_err("no field").contains("did you mean dest_ip?"));
    }
}
