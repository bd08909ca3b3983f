use protean_port::message::{
    Category, Envelope, Extensions, Id, Kind, Message, Priority, Recorded, Timestamp,
};
use protean_port::{Error, Result, Violations};
use serde::{Deserialize, Serialize};

use super::read;
use crate::model::{ExternalEvent, Field, Fields, MessageData, Rules};

#[derive(Debug, PartialEq, Deserialize, Serialize)]
struct Opened {
    account: Id,
    holder: String,
    #[serde(default)]
    note: Option<String>,
}

impl Fields for Opened {
    const RULES: &'static [Rules] = &[Rules::named("holder").max_length(5)];

    fn check(&self) -> Violations {
        let mut violations = Violations::new();
        self.holder.check(&Self::RULES[0], &mut violations);
        violations
    }
}

impl ExternalEvent for Opened {
    const NAME: &'static str = "Bank.Opened";
    const VERSION: u32 = 3;

    fn upcast(data: &mut MessageData, from: u32) -> Result {
        if from == 1 {
            return Err(Error::failed("version 1 had no holder"));
        }
        data.rename("name", "holder");
        Ok(())
    }
}

/// An entry as another domain publishes it.
fn entry(type_name: &str, kind: Kind, data: &str) -> String {
    let stream = Category::named("bank::account").stream(&"7".into());
    let message = Message {
        id: "bank::account-7-0".into(),
        stream,
        kind,
        type_name: type_name.into(),
        version: 1,
        priority: Priority::NORMAL,
        correlation_id: "c".into(),
        causation_id: None,
        time: Timestamp::default(),
        data: data.into(),
        extensions: Extensions::default(),
    };
    let recorded = Recorded { position: 0, stream_position: 0, message };
    Envelope::external(&recorded, "bank", &[]).unwrap().into_string()
}

fn event(type_name: &str, data: &str) -> Result<Option<Opened>> {
    read(&entry(type_name, Kind::Event, data))
}

fn opened(holder: &str) -> Opened {
    Opened { account: "7".into(), holder: holder.into(), note: None }
}

#[test]
fn an_event_is_read_whatever_else_it_has() {
    let data = r#"{"account":"7","holder":"Ada","limit":5,"address":{"city":"Bath"}}"#;
    assert_eq!(event("Bank.Opened.v3", data).unwrap(), Some(opened("Ada")));
}

#[test]
fn other_messages_are_passed_over() {
    for other in
        ["Bank.Closed.v1", "Shop.Opened.v3", "Bank.OpenedTwice.v3", "Opened", "Bank.Opened."]
    {
        assert_eq!(event(other, "{}").unwrap(), None, "{other}");
    }
    assert_eq!(read::<Opened>(&entry("Bank.Opened.v3", Kind::Command, "{}")).unwrap(), None);
}

#[test]
fn an_earlier_version_is_brought_into_the_present_form() {
    let data = r#"{"account":"7","name":"Ada"}"#;
    assert_eq!(event("Bank.Opened.v2", data).unwrap(), Some(opened("Ada")));
    let refused = format!("{:#}", event("Bank.Opened.v1", data).unwrap_err());
    assert!(refused.starts_with("version 1 of Bank.Opened cannot be read as 3"), "{refused}");
    assert!(refused.contains("version 1 had no holder"), "{refused}");
}

#[test]
fn what_cannot_be_read_is_refused_with_the_reason() {
    for (type_name, data, reason) in [
        ("Bank.Opened.v4", "{}", "Bank.Opened is at version 4, this program reads up to version 3"),
        ("Bank.Opened.v3", r#"{"account":"7"}"#, "missing field `holder`"),
        ("Bank.Opened.v3", r#"{"account":7,"holder":"Ada"}"#, "invalid type: integer `7`"),
        ("Bank.Opened.v3", r#"{"account":"7","holder":"Augusta"}"#, "at most 5 characters"),
    ] {
        let refused = format!("{:#}", event(type_name, data).unwrap_err());
        assert!(refused.contains(reason), "{refused}");
    }
    for no_event in [r#"{"account":"7","holder":"Ada"}"#, "7", r#"{"positions":[7]}"#] {
        let refused = read::<Opened>(no_event).unwrap_err().to_string();
        assert!(refused.starts_with("the entry is not an event of a domain: "), "{refused}");
    }
}
