//! `${VAR}` and `${VAR|default}` in strings. The value of a variable is trimmed, and never parsed.

use super::document::{Entry, Table, Value};
use super::fault::Report;

/// The environment: the value of a variable by its name.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Why variables cannot be filled into a string.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The variable has neither a value nor a default.
    Unset(String),
    /// The text between the braces is not `VAR` or `VAR|default`.
    Malformed(&'static str),
}

/// Fills variables into every string of the table. In a section that is not in use a
/// variable may be unset.
pub(super) fn fill(table: &mut Table, variables: Variables<'_>, report: &mut Report, used: bool) {
    for entry in table.values_mut() {
        let mut refusals = Vec::new();
        fill_value(&mut entry.value, variables, report, used, &mut refusals);
        for refusal in refusals {
            refuse(entry, refusal, report, used);
        }
    }
}

fn fill_value(
    value: &mut Value,
    variables: Variables<'_>,
    report: &mut Report,
    used: bool,
    refusals: &mut Vec<Refusal>,
) {
    match value {
        Value::Table(table) => fill(table, variables, report, used),
        Value::Array(items) => {
            for item in items {
                fill_value(item, variables, report, used, refusals);
            }
        }
        Value::Text { text, written } if text.contains("${") => match filled(text, variables) {
            Ok(result) => *written = Some(std::mem::replace(text, result)),
            Err(refusal) => {
                refusals.push(refusal);
                *value = Value::Unset;
            }
        },
        _ => {}
    }
}

fn refuse(entry: &Entry, refusal: Refusal, report: &mut Report, used: bool) {
    match refusal {
        Refusal::Malformed(message) => entry.refuse(report, message),
        Refusal::Unset(name) if used => entry.refuse(
            report,
            format!("the variable '{name}' is not set; set it, or write ${{{name}|default}}"),
        ),
        Refusal::Unset(_) => {}
    }
}

/// The text with each `${…}` replaced, once.
pub(super) fn filled(text: &str, variables: Variables<'_>) -> Result<String, Refusal> {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (inside, after) = after
            .split_once('}')
            .ok_or(Refusal::Malformed("'${' without a closing '}'; add it"))?;
        result.push_str(before);
        result.push_str(&looked_up(inside, variables)?);
        rest = after;
    }
    result.push_str(rest);
    Ok(result)
}

fn looked_up(inside: &str, variables: Variables<'_>) -> Result<String, Refusal> {
    let (name, default) = match inside.split_once('|') {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        let message = "'${…}' takes the name of a variable: letters, digits and '_'";
        return Err(Refusal::Malformed(message));
    }
    if default.is_some_and(|default| default.contains("${")) {
        return Err(Refusal::Malformed("a default in '${…|…}' cannot contain another '${'"));
    }
    // A file with a secret ends with a line break, which would be part of another database's name.
    let value = variables(name).map(|value| value.trim().to_owned());
    let value = value.or_else(|| default.map(str::to_owned));
    value.ok_or_else(|| Refusal::Unset(name.to_owned()))
}
