use protean_port::message::{Column, ColumnKind, Table, Value};

use super::TablePlan;
use crate::dialect::tests::Plain;
use crate::{FoundColumn, FoundTable};

fn column(name: &str, nullable: bool) -> Column {
    let (unique, default, renamed_from) = (!nullable, None, Vec::new());
    Column { name: name.into(), kind: ColumnKind::Text, nullable, unique, default, renamed_from }
}

/// Users with an identity and a note that may be empty.
fn users() -> Table {
    let columns = vec![column("id", false), column("note", true)];
    Table { name: "users".into(), key: 0, columns, indexes: Vec::new() }
}

/// Users whose note had another name.
fn renamed(unique: bool) -> Table {
    let mut table = users();
    table.columns[1].renamed_from = vec!["remark".into(), "comment".into()];
    table.columns[1].unique = unique;
    table
}

fn found(name: &str, required: bool) -> FoundColumn {
    let (name, kind) = (name.into(), if name == "_version" { "int" } else { "TEXT" }.into());
    FoundColumn { name, kind, required, has_default: false, key: false }
}

/// A table with an identity, a version, and these columns that may be empty; it has rows.
fn there(columns: &[&str]) -> FoundTable {
    let id = FoundColumn { key: true, ..found("id", true) };
    let columns = columns.iter().map(|name| found(name, false));
    let columns = [id, found("_version", true)].into_iter().chain(columns).collect();
    FoundTable { columns, has_rows: true, ..FoundTable::default() }
}

fn plan(table: &Table, found: &FoundTable) -> TablePlan {
    TablePlan::of::<Plain>(table, found)
}

/// The statements that run without a person.
#[track_caller]
fn steps(table: &Table, found: &FoundTable) -> Vec<String> {
    let plan = plan(table, found);
    plan.check().unwrap();
    plan.steps.into_iter().map(|step| step.statement).collect()
}

/// Why a person is needed, and for which statements.
#[track_caller]
fn manual(table: &Table, found: &FoundTable) -> (String, Vec<String>) {
    let plan = plan(table, found);
    let error = plan.check().unwrap_err().to_string();
    assert_eq!(plan.manual.len(), 1, "{:?}", plan.manual);
    let change = plan.manual.into_iter().next().unwrap();
    assert!(error.contains(&change.why) && error.contains("`db diff`"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    (change.why, change.statements)
}

const ADDED: &str = "ALTER TABLE \"users\" ADD COLUMN \"note\" text";

#[test]
fn a_table_is_created_extended_or_left_alone() {
    let created = "CREATE TABLE \"users\" (\"id\" text NOT NULL, \"note\" text, \
                   \"_version\" int NOT NULL, PRIMARY KEY (\"id\"))";
    assert_eq!(steps(&users(), &FoundTable::default()), [created]);
    assert_eq!(steps(&users(), &there(&[])), [ADDED]);
    assert_eq!(steps(&users(), &there(&["note", "of_an_older_version"])), [""; 0]);
}

#[test]
fn a_required_column_is_added_while_there_are_no_rows() {
    let mut table = users();
    table.columns[1] = column("note", false);
    let statements = steps(&table, &FoundTable { has_rows: false, ..there(&[]) });
    assert_eq!(statements[0], "DROP TABLE IF EXISTS \"users\"");
    assert!(statements[1].contains("\"note\" text NOT NULL"), "{statements:?}");
    assert!(statements[2].contains("UNIQUE INDEX \"users.note\""), "{statements:?}");
}

#[test]
fn a_required_column_takes_its_default_or_a_value_from_a_person() {
    let mut table = users();
    table.columns[1] = Column { unique: false, ..column("note", false) };
    let (why, statements) = manual(&table, &there(&["remark"]));
    assert!(why.contains("#[field(default"), "{why}");
    assert!(statements[0].contains("#[field(renamed_from = \"remark\")]"), "{statements:?}");
    assert_eq!(statements.last().unwrap(), &format!("{ADDED} NOT NULL DEFAULT <value>"));
    table.columns[1].default = Some(Value::text("it's"));
    assert_eq!(steps(&table, &there(&[])), [format!("{ADDED} NOT NULL DEFAULT 'it''s'")]);
}

#[test]
fn a_required_unique_column_takes_another_value_in_each_row() {
    let mut table = users();
    table.columns[1] = column("note", false);
    let statements = manual(&table, &there(&["remark", "comment"])).1;
    assert!(statements[0].contains("differs in each row"), "{statements:?}");
    assert_eq!(statements[1], format!("{ADDED} NOT NULL DEFAULT ''"));
    assert_eq!(statements[2], "UPDATE \"users\" SET \"note\" = <value>");
}

#[test]
fn a_column_is_renamed_from_the_name_that_is_there() {
    for former in ["remark", "comment"] {
        let rename = format!("ALTER TABLE \"users\" RENAME COLUMN \"{former}\" TO \"note\"");
        assert_eq!(steps(&renamed(false), &there(&[former])), [rename]);
    }
    assert_eq!(steps(&renamed(false), &there(&["note"])), [""; 0]);
    assert_eq!(steps(&renamed(false), &there(&[])), [ADDED]);
}

#[test]
fn an_identity_is_renamed_too() {
    let mut table = users();
    table.columns[0] = Column { renamed_from: vec!["id".into()], ..column("user_id", false) };
    let rename = "ALTER TABLE \"users\" RENAME COLUMN \"id\" TO \"user_id\"";
    assert_eq!(steps(&table, &there(&["note"])), [rename]);
    table.columns[0].renamed_from.clear();
    let (why, statements) = manual(&table, &there(&["note"]));
    assert!(why.contains("renamed_from"), "{why}");
    assert_eq!(statements[1], rename);
}

#[test]
fn the_index_of_a_renamed_column_is_renamed_and_made_once() {
    let indexes = |names: &[&str]| names.iter().map(|&name| name.into()).collect();
    let before = FoundTable { indexes: indexes(&["users.remark"]), ..there(&["remark"]) };
    let statements = steps(&renamed(true), &before);
    assert_eq!(statements[1..], ["RENAME INDEX \"users.remark\" TO \"users.note\""]);
    // A person has renamed the column, but not its index.
    let half = FoundTable { indexes: indexes(&["users.remark"]), ..there(&["note"]) };
    assert_eq!(steps(&renamed(true), &half), statements[1..]);
    let without = steps(&renamed(true), &there(&["remark"]));
    assert_eq!(
        without[1],
        "CREATE UNIQUE INDEX \"users.note\" ON \"users\" (\"note\" NULLS THERE)"
    );
    // The table has taken the place of another.
    let rebuilt = FoundTable { indexes: indexes(&["users__g2.remark"]), ..there(&["remark"]) };
    let rename = "RENAME INDEX \"users__g2.remark\" TO \"users.note\"";
    assert_eq!(steps(&renamed(true), &rebuilt)[1..], [rename]);
    let rebuilt = FoundTable { indexes: indexes(&["users__g2.note"]), ..there(&["note"]) };
    assert_eq!(steps(&renamed(true), &rebuilt), [""; 0]);
    let done = FoundTable { indexes: indexes(&["users.note"]), ..there(&["note"]) };
    assert_eq!(steps(&renamed(true), &done), [""; 0]);
    for surplus in ["users.remark", "users.note"] {
        let surplus = FoundTable { indexes: indexes(&[surplus]), ..there(&["note"]) };
        let (why, statements) = manual(&renamed(false), &surplus);
        assert!(why.contains("found unique, declared not unique"), "{why}");
        assert_eq!(statements, [format!("DROP INDEX \"{}\"", surplus.indexes[0])]);
    }
}

#[test]
fn a_column_that_is_there_twice_needs_a_person() {
    for (columns, [kept, dropped]) in
        [(["note", "remark"], ["note", "remark"]), (["comment", "remark"], ["remark", "comment"])]
    {
        let found = FoundTable { indexes: vec![format!("users.{dropped}")], ..there(&columns) };
        let (why, statements) = manual(&renamed(true), &found);
        assert!(why.contains(&format!("the table has '{kept}' and '{dropped}'")), "{why}");
        let copy = format!("SET \"{kept}\" = \"{dropped}\" WHERE \"{kept}\" IS NULL");
        assert!(statements[1].contains(&copy), "{statements:?}");
        assert_eq!(statements[2], format!("DROP INDEX IF EXISTS \"users.{dropped}\""));
        assert_eq!(statements[3], format!("ALTER TABLE \"users\" DROP COLUMN \"{dropped}\""));
    }
}

#[test]
fn an_older_version_adds_no_column_that_a_newer_one_has_renamed() {
    let mut found = there(&["label"]);
    let named = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    found.renamed = vec![named("note", "remark"), named("remark", "label")];
    found.indexes = vec!["users.label".into()];
    let (why, statements) = manual(&users(), &found);
    assert!(why.contains("a newer version of the program has renamed it to 'label'"), "{why}");
    assert_eq!(statements[1], "ALTER TABLE \"users\" RENAME COLUMN \"label\" TO \"note\"");
    assert_eq!(statements[2], "RENAME INDEX \"users.label\" TO \"users.note\"");
    // It was renamed, and the newest version has a new field of the old name.
    let mut newest = users();
    newest.columns.push(Column { unique: true, ..column("label", true) });
    assert_eq!(steps(&newest, &found), [ADDED]);
    // Names that lead in a circle end somewhere.
    found.renamed = vec![named("note", "remark"), named("remark", "note")];
    found.indexes.clear();
    assert_eq!(steps(&users(), &found), [ADDED]);
    // What is required under its new name is reported once.
    found.renamed = vec![named("note", "label")];
    found.columns[2].required = true;
    assert!(manual(&users(), &found).0.contains("newer version"));
}

#[test]
fn former_names_are_noted_once() {
    let mut found = there(&["note"]);
    let noted = |found: &FoundTable| {
        let names = renamed(false);
        found.names_to_note(&names).map(|(from, to)| format!("{from} {to}")).collect::<Vec<_>>()
    };
    assert_eq!(noted(&found), ["remark note", "comment note"]);
    found.renamed = vec![("remark".into(), "note".into()), ("comment".into(), "remark".into())];
    assert_eq!(noted(&found), ["comment note"]);
}

#[test]
fn a_column_of_another_form_is_redefined_by_a_person() {
    let mut table = renamed(false);
    table.columns[1].kind = ColumnKind::Integer;
    let (why, statements) = manual(&table, &there(&["note"]));
    assert!(why.starts_with("found TEXT, declared int;"), "{why}");
    assert_eq!(statements[1], "REDEFINE users.note AS int None");
    // The statements can run before anything else.
    let statements = manual(&table, &there(&["remark"])).1;
    assert!(statements[0].contains("RENAME COLUMN \"remark\" TO \"note\""), "{statements:?}");
    table.columns[1].nullable = false;
    let statements = manual(&table, &there(&["note"])).1;
    assert!(statements[1].contains("<value> is what the rows get"), "{statements:?}");
    assert_eq!(statements[2], "REDEFINE users.note AS int Some(\"<value>\")");
    table.columns[1].default = Some(Value::Integer(7));
    let statements = manual(&table, &there(&["note"])).1;
    assert_eq!(statements[1], "REDEFINE users.note AS int Some(\"7\")");
}

#[test]
fn a_table_of_another_program_needs_a_person() {
    let id = FoundColumn { key: true, ..found("id", true) };
    let of = |columns: Vec<FoundColumn>| FoundTable { columns, has_rows: true, ..there(&[]) };
    let note = || found("note", false);
    for (found, why) in [
        (of(vec![id.clone(), note()]), "another program made the table"),
        (
            of(vec![
                FoundColumn { kind: "int".into(), ..id.clone() },
                found("_version", true),
                note(),
            ]),
            "found int NOT NULL PRIMARY KEY",
        ),
        (
            of(vec![id, found("_version", true), note(), found("extra", true)]),
            "declare the field again",
        ),
    ] {
        let found = manual(&users(), &found).0;
        assert!(found.contains(why), "{found}");
    }
}

#[test]
fn everything_that_needs_a_person_is_reported_at_once() {
    let mut table = users();
    table.columns[1].kind = ColumnKind::Integer;
    table.columns.push(Column { unique: false, ..column("age", false) });
    table.columns.push(column("safe", true));
    let plan = plan(&table, &there(&["note"]));
    assert_eq!((plan.manual.len(), plan.steps.len()), (2, 1));
    assert!(plan.check().unwrap_err().to_string().contains("(and 1 more)"));
}
