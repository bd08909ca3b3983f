//! Fields that have another name than in the version before, and what was kept of them.

use protean::message::{Column, Table};
use protean::{Date, Domain};

/// The first version.
mod before {
    use protean::{Date, Id, Root, aggregate, aggregate_impl, projection, value_object};

    #[value_object]
    pub(crate) struct Address {
        pub(crate) street: String,
        pub(crate) town: Option<String>,
    }

    #[aggregate(name = "Person", fact_events)]
    pub(crate) struct Person {
        pub(crate) root: Root<Person>,
        #[field(unique)]
        pub(crate) mail: String,
        pub(crate) home: Option<Address>,
        pub(crate) others: Vec<Address>,
        pub(crate) born: Date,
    }

    #[aggregate_impl]
    impl Person {}

    #[projection(name = "Entry")]
    pub(crate) struct Entry {
        #[field(identifier)]
        pub(crate) person: Id,
        pub(crate) mail: String,
    }
}

/// The second one, in which nearly everything has another name.
mod after {
    use protean::{Date, Id, Root, aggregate, aggregate_impl, projection, value_object};

    #[value_object]
    pub(crate) struct Address {
        #[field(renamed_from = "street")]
        pub(crate) road: String,
        pub(crate) town: Option<String>,
    }

    #[aggregate(name = "Person", fact_events)]
    pub(crate) struct Person {
        pub(crate) root: Root<Person>,
        #[field(unique, renamed_from("e_mail", "mail"))]
        pub(crate) email: String,
        #[field(renamed_from = "home")]
        pub(crate) address: Option<Address>,
        pub(crate) others: Vec<Address>,
        #[field(renamed_from = "born")]
        pub(crate) r#type: Date,
    }

    #[aggregate_impl]
    impl Person {}

    #[projection(name = "Entry")]
    pub(crate) struct Entry {
        #[field(identifier, renamed_from = "person")]
        pub(crate) person_id: Id,
        #[field(renamed_from = "mail")]
        pub(crate) email: String,
    }
}

fn table(domain: &Domain, name: &str) -> Table {
    domain.catalog().tables().into_iter().find(|table| table.name == name).unwrap()
}

macro_rules! domain {
    ($version:ident, $config:expr) => {
        protean::domain("town")
            .config($config)
            .aggregate::<$version::Person>()
            .projection::<$version::Entry>()
            .build()
            .unwrap()
    };
}

#[test]
fn columns_know_the_names_they_had() {
    let domain = domain!(after, "");
    let names = |Column { name, renamed_from, .. }: &Column| {
        format!("{name} {}", renamed_from.join(" ")).trim().to_owned()
    };
    let person: Vec<String> = table(&domain, "person").columns.iter().map(names).collect();
    let expected = [
        "id",
        "email e_mail mail",
        "address_road address_street home_road home_street",
        "address_town home_town",
        "others",
        "type born",
    ];
    assert_eq!(person, expected);
    let entry: Vec<String> = table(&domain, "entry").columns.iter().map(names).collect();
    assert_eq!(entry, ["person_id person", "email mail"]);
}

#[test]
fn a_name_of_before_that_another_field_has_is_refused_at_build() {
    mod odd {
        use protean::{Id, projection};

        #[projection]
        pub(crate) struct Entry {
            #[field(identifier)]
            pub(crate) person: Id,
            #[field(renamed_from = "person")]
            pub(crate) mail: String,
        }
    }
    let refused = protean::domain("town").projection::<odd::Entry>().build().err().unwrap();
    assert!(refused.faults()[0].contains("renamed_from = \"person\""), "{:?}", refused.faults());
}

#[tokio::test]
async fn the_next_version_finds_what_was_kept_under_the_old_names() {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[databases.default]\nprovider = \"sqlite\"\ndatabase_uri = \"sqlite:{}\"\n",
        folder.path().join("a.db").display()
    );
    let born = Date::new(2000, 2, 29).unwrap();
    let domain = domain!(before, &config);
    let kept = domain.unit_of_work(async |ctx| {
        let address = |street: &str| before::Address { street: street.into(), town: None };
        let person = before::Person {
            root: protean::Root::with_id("p"),
            mail: "p@q.r".into(),
            home: Some(address("First")),
            others: vec![address("Second"), address("Third")],
            born,
        };
        let entry = before::Entry { person: "p".into(), mail: "p@q.r".into() };
        ctx.repository::<before::Person>().add(person).await?;
        ctx.repository::<before::Entry>().add(entry).await
    });
    kept.await.unwrap();
    drop(domain);
    let domain = domain!(after, &config);
    let read = domain.unit_of_work(async |ctx| {
        let person = ctx.repository::<after::Person>().get(&"p".into()).await?;
        let entry = ctx.repository::<after::Entry>().get(&"p".into()).await?;
        Ok((person, entry))
    });
    let (person, entry) = read.await.unwrap();
    assert_eq!((person.email.as_str(), person.r#type), ("p@q.r", born));
    assert_eq!(person.address.unwrap().road, "First");
    let others: Vec<String> = person.others.into_iter().map(|other| other.road).collect();
    assert_eq!(others, ["Second", "Third"]);
    assert_eq!((entry.person_id, entry.email), ("p".into(), "p@q.r".into()));
    // The facts of before can be read as well.
    let fact = "{\"id\":\"p\",\"mail\":\"m\",\"home\":{\"street\":\"s\",\"town\":null},\
                \"others\":[],\"born\":\"2000-02-29\"}";
    let fact: after::PersonFactEvent = serde_json::from_str(fact).unwrap();
    assert_eq!((fact.email.as_str(), fact.address.unwrap().road.as_str()), ("m", "s"));
}
