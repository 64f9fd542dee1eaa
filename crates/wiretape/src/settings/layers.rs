//! Flags over environment over file: where settings come from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Settings;
use crate::errors::Failure;

/// The configuration file that is read if it is there.
const DEFAULT_FILE: &str = "/etc/wiretape.toml";

const PREFIX: &str = "WIRETAPE_";

/// Variables that are no settings: where questions look, and which file is read.
const OTHER_VARIABLES: [&str; 3] = ["WIRETAPE_CONFIG", "WIRETAPE_CAPTURES", "WIRETAPE_NO_SKIP"];

/// `flags`, and below them `environment`, and below that the file: `file` itself, or the default one if it is there.
pub(crate) fn layered(
    flags: Settings,
    environment: impl Iterator<Item = (String, String)>,
    file: Option<&Path>,
) -> Result<Settings, Failure> {
    let named = std::env::var_os("WIRETAPE_CONFIG").filter(|name| !name.is_empty()).map(PathBuf::from);
    let file = file.or(named.as_deref());
    let environment = from_environment(environment)?;
    let path = file.unwrap_or(Path::new(DEFAULT_FILE));
    let file = match std::fs::read_to_string(path) {
        Ok(text) => from_file(&text, path)?,
        Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => Settings::default(),
        Err(error) => return Err(Failure::system(format!("cannot read the configuration {}", path.display()), &error)),
    };
    Ok(flags.over(environment).over(file))
}

/// The variables of this process; one that is not valid UTF-8 is no setting.
pub(crate) fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn from_file(text: &str, path: &Path) -> Result<Settings, Failure> {
    let wrong =
        |why: String| Failure::call(format!("the configuration {} cannot be used", path.display())).because(why);
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| wrong(error.to_string()))?;
    if let Some(key) = table.keys().find(|key| !names().contains(key)) {
        let line = line_of_key(text, key).map(|line| format!("line {line}: ")).unwrap_or_default();
        return Err(wrong(format!("{line}there is no setting {key:?}")).attempt(nearest_setting(key, |key| key)));
    }
    toml::from_str(text).map_err(|error| wrong(error.to_string()))
}

/// The settings among `variables`.
pub(crate) fn from_environment(variables: impl Iterator<Item = (String, String)>) -> Result<Settings, Failure> {
    let mut settings = Settings::default();
    let found: BTreeMap<String, String> = variables.filter(|(name, _)| is_ours(name)).collect();
    for (name, value) in found {
        let key = name.trim_start_matches(PREFIX).to_ascii_lowercase().replace('_', "-");
        if !names().contains(&key) {
            return Err(Failure::call(format!("there is no setting {name} (environment)"))
                .attempt(nearest_setting(&key, |key| variable(&key))));
        }
        if key == "policy" {
            return Err(Failure::call(format!("{name} (environment) cannot be used"))
                .because("policies are said in a configuration file, as [[policy]]"));
        }
        let table = toml::Table::from_iter([(key, toml::Value::String(value))]);
        let one: Settings = table.try_into().map_err(|error: toml::de::Error| {
            Failure::call(format!("{name} (environment) cannot be used")).because(error.message())
        })?;
        settings = settings.over(one);
    }
    Ok(settings)
}

/// Kubernetes sets WIRETAPE_PORT… and WIRETAPE_SERVICE_… in every container beside a service named wiretape.
fn is_ours(name: &str) -> bool {
    name.starts_with(PREFIX)
        && !OTHER_VARIABLES.contains(&name)
        && !name.starts_with("WIRETAPE_PORT")
        && !name.starts_with("WIRETAPE_SERVICE_")
}

/// The names of all settings, from the flags, which are the same words.
fn names() -> Vec<String> {
    let command = Settings::augment_args(clap::Command::new("settings"));
    let flags = command.get_arguments().filter_map(|argument| argument.get_long());
    flags.map(str::to_owned).chain(["filter", "policy"].map(str::to_owned)).collect()
}

fn nearest_setting(key: &str, shown: impl Fn(String) -> String) -> String {
    let normal = key.replace('_', "-");
    let nearest = names().into_iter().map(|name| (strsim::jaro_winkler(&normal, &name), name));
    match nearest.max_by(|(a, _), (b, _)| a.total_cmp(b)) {
        Some((score, name)) if score > 0.75 => format!("did you mean {}?", shown(name)),
        _ => format!("settings are: {}", names().into_iter().map(&shown).collect::<Vec<_>>().join(", ")),
    }
}

fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase().replace('-', "_"))
}

fn line_of_key(text: &str, key: &str) -> Option<usize> {
    let starts = |line: &str| {
        let line = line.trim_start().trim_start_matches(['[', '"']);
        line.strip_prefix(key)
            .is_some_and(|rest| rest.trim_start_matches('"').trim_start().starts_with(['=', ']', '.']))
    };
    text.lines().position(starts).map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Interfaces, Prefixes, Switch};
    use crate::units::{Limit, Size, Span};

    fn file(text: &str) -> Result<Settings, String> {
        from_file(text, Path::new("wiretape.toml")).map_err(|failure| failure.to_string())
    }

    fn environment(pairs: &[(&str, &str)]) -> Result<Settings, String> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        from_environment(pairs).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_file_has_every_kind_of_value() {
        let text = "interface = [\"eth0\", \"eth1\"]\nbudget = \"20%\"\nhead = 16384\nmax-age = \"30d\"\n\
                    no-promiscuous = true\nhome-net = \"10.0.0.0/8\"\nfilter = \"tcp port 80\"\nthreads = 2\n";
        let expected = Settings {
            interface: Some(Interfaces::Named(vec!["eth0".into(), "eth1".into()])),
            budget: Some(Limit::Percent(20.0)),
            head: Some(Size(16_384)),
            max_age: Some(Span(std::time::Duration::from_secs(2_592_000))),
            no_promiscuous: Some(Switch(true)),
            home_net: "10.0.0.0/8".parse::<Prefixes>().ok(),
            filter: Some("tcp port 80".into()),
            threads: Some(2),
            ..Settings::default()
        };
        assert_eq!(file(text), Ok(expected));
    }

    #[test]
    fn the_environment_has_the_same_words() {
        let found = environment(&[
            ("WIRETAPE_TAPE", "/data"),
            ("WIRETAPE_MAX_AGE", "1h"),
            ("WIRETAPE_THREADS", "2"),
            ("WIRETAPE_PORT_80_TCP", "tcp://10.0.0.1:80"),
            ("PATH", "/bin"),
        ]);
        let expected = Settings {
            tape: Some("/data".into()),
            max_age: Some(Span(std::time::Duration::from_secs(3600))),
            threads: Some(2),
            ..Settings::default()
        };
        assert_eq!(found, Ok(expected));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            (file("budget = \"10GB\"\nbugdet = \"1GB\"\n"), "line 2: there is no setting \"bugdet\""),
            (file("bugdet = 1"), "did you mean budget?"),
            (file("[server]\nlisten = 1"), "line 1: there is no setting \"server\""),
            (file("budget = "), "line 1"),
            (file("budget = \"lots\""), "\"lots\" is not a size"),
            (environment(&[("WIRETAPE_BUGDET", "1GB")]), "did you mean WIRETAPE_BUDGET?"),
            (environment(&[("WIRETAPE_BUDGET", "lots")]), "\"lots\" is not a size"),
        ];
        for (found, expected) in cases {
            let message = found.expect_err("an error");
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn flags_go_over_environment_over_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("wiretape.toml");
        std::fs::write(&path, "budget = \"1GB\"\nhead = \"1KiB\"\nsnaplen = 100\n").expect("written");
        let flags = Settings { snaplen: Some(300), ..Settings::default() };
        let variables = [("WIRETAPE_SNAPLEN", "200"), ("WIRETAPE_HEAD", "2KiB")];
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let found = layered(flags, variables, Some(&path)).map_err(|failure| failure.to_string()).expect("settings");
        assert_eq!((found.snaplen, found.head), (Some(300), Some(Size(2048))));
        assert_eq!(found.budget, Some(Limit::Bytes(1_000_000_000)));
    }
}
