//! How a location in the configuration becomes an open database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use protean_port::message::Id;
use protean_port::port::{BoxFuture, Location, Provider, Store};
use protean_port::{Error, Result};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::advice;
use crate::connection::Settings;
use crate::schema;
use crate::store::PostgresStore;
use crate::tls::TlsRequest;

/// The form of a location, for messages.
const URI_FORM: &str = "postgresql://user:password@host:5432/database";

/// Opens PostgreSQL databases: `postgresql://user:password@host:5432/database`,
/// or with `postgres://`. Connections are encrypted when it ends in `?sslmode=verify-full`;
/// `&sslrootcert=/path/to/ca.pem` names an authority the system does not know.
#[derive(Clone, Copy, Debug, Default)]
pub struct Postgres;

impl Provider for Postgres {
    fn name(&self) -> &'static str {
        "postgresql"
    }

    fn fault(&self, location: &Location) -> Option<String> {
        parts(location).err()
    }

    fn advice<'a>(&'a self, location: &'a Location) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let settings = settings(location).map_err(Error::misused)?;
            advice::ask(&settings).await
        })
    }

    fn absence<'a>(&'a self, location: &'a Location) -> BoxFuture<'a, Result<Option<String>>> {
        Box::pin(async move {
            let settings = settings(location).map_err(Error::misused)?;
            schema::absence(&settings).await.map_err(|fault| settings.explain(fault))
        })
    }

    fn open<'a>(&'a self, location: &'a Location) -> BoxFuture<'a, Result<Arc<dyn Store>>> {
        Box::pin(async move {
            let settings = settings(location).map_err(Error::misused)?;
            Ok(Arc::new(PostgresStore::open(settings).await?) as Arc<dyn Store>)
        })
    }
}

/// A fault never quotes the location: it may hold a password.
fn settings(location: &Location) -> Result<Settings, String> {
    let (config, wanted) = parts(location)?;
    let (place, tls) = (place(&config), wanted.trust()?);
    Ok(Settings { config, tls, place, readers: location.pool_size.max(2), instance: instance() })
}

/// Reads a location without opening any file.
fn parts(location: &Location) -> Result<(Config, TlsRequest), String> {
    let uri = location.uri.as_deref().unwrap_or("");
    if uri.is_empty() {
        return Err(format!("postgresql needs a database; set database_uri = \"{URI_FORM}\""));
    }
    if !uri.starts_with("postgresql://") && !uri.starts_with("postgres://") {
        return Err(format!("database_uri is not of the form {URI_FORM}"));
    }
    let odd = |_| {
        format!(
            "database_uri is not a valid URI; write it as {URI_FORM}, and characters such as '@' \
             or '/' in a password as %40 or %2F"
        )
    };
    let (wanted, uri) = TlsRequest::split(uri)?;
    let mut config: Config = uri.parse().map_err(odd)?;
    if config.get_hosts().is_empty() {
        return Err(format!("database_uri does not name a host; write it as {URI_FORM}"));
    }
    if config.get_dbname().is_none_or(str::is_empty) {
        return Err(format!("database_uri does not name a database; write it as {URI_FORM}"));
    }
    if config.get_user().is_none_or(str::is_empty) {
        return Err(format!("database_uri does not name a user; write it as {URI_FORM}"));
    }
    config.ssl_mode(if wanted.is_encrypted { SslMode::Require } else { SslMode::Disable });
    config.keepalives_idle(Duration::from_secs(5)).tcp_user_timeout(Duration::from_secs(15));
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(5));
    }
    if config.get_application_name().is_none() {
        config.application_name("protean");
    }
    Ok((config, wanted))
}

/// `'bank' at db.example:5432`.
fn place(config: &Config) -> String {
    let ports = config.get_ports();
    let host_and_port = |(index, host): (usize, &Host)| {
        let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            Host::Unix(folder) => format!("{}:{port}", folder.display()),
        }
    };
    let hosts: Vec<String> = config.get_hosts().iter().enumerate().map(host_and_port).collect();
    format!("'{}' at {}", config.get_dbname().unwrap_or(""), hosts.join(", "))
}

/// A name that no other store has.
fn instance() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    // The numbered ids of a test may repeat between processes.
    format!("{}-{}-{}", Id::new(), std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use protean_port::port::{Location, Provider};

    use tokio_postgres::config::SslMode;

    use super::{Postgres, parts, settings};

    fn at(uri: &str) -> Location {
        Location { uri: Some(uri.into()), ..Location::default() }
    }

    #[test]
    fn explains_what_is_wrong_with_a_location() {
        for (uri, expected) in [
            ("", "set database_uri"),
            ("sqlite:bank.db", "not of the form"),
            ("host=h user=u", "not of the form"),
            ("postgresql://u@h:port/db", "not a valid URI"),
            ("postgresql:///db?user=u", "name a host"),
            ("postgresql://u@h", "name a database"),
            ("postgresql://h/db", "name a user"),
            ("postgresql://u@h/db?sslmode=on", "verify-full"),
            ("postgresql://u@h/db?sslrootcert=/ca.pem", "sslmode=verify-full"),
        ] {
            let fault = Postgres.fault(&at(uri)).unwrap_or_else(|| panic!("{uri} is taken"));
            assert!(fault.contains(expected), "{uri}: {fault}");
        }
        for uri in ["postgresql://u:p@h/db", "postgres://u@h:1/db?sslmode=disable"] {
            assert_eq!(Postgres.fault(&at(uri)), None, "{uri}");
        }
    }

    #[test]
    fn faults_and_places_never_reveal_the_password() {
        for uri in [
            "postgresql://bob:canary@host:port/db",
            "postgresql://bob:canary@host",
            "postgresql://bob:canary@/db",
            "mysql://bob:canary@host/db",
            "postgresql://bob:canary@host/db?canary=canary",
            "postgresql://bob:canary@host/db?sslmode=canary",
        ] {
            let fault = Postgres.fault(&at(uri)).unwrap_or_else(|| panic!("{uri} is taken"));
            assert!(!fault.contains("canary"), "{fault}");
        }
        for uri in ["postgresql://bob:canary@host/db", "postgresql://bob:can/canary@host/db"] {
            assert_eq!(settings(&at(uri)).unwrap().place, "'db' at host:5432");
        }
    }

    #[test]
    fn connections_are_encrypted_when_the_location_requests_it() {
        for (uri, mode) in [
            ("postgresql://u:a?sslmode=require@h/db", SslMode::Disable),
            ("postgresql://u@h/db", SslMode::Disable),
            ("postgresql://u@h/db?sslmode=prefer", SslMode::Disable),
            ("postgresql://u@h/db?sslmode=require", SslMode::Require),
            ("postgresql://h/db?user=u&sslmode=verify-ca", SslMode::Require),
            (
                "postgresql://u@h/db?sslmode=verify-full&sslrootcert=%2Fca&options=x",
                SslMode::Require,
            ),
        ] {
            let (config, _) = parts(&at(uri)).unwrap_or_else(|fault| panic!("{uri}: {fault}"));
            assert_eq!(config.get_ssl_mode(), mode, "{uri}");
            assert_eq!((config.get_user(), config.get_dbname()), (Some("u"), Some("db")), "{uri}");
        }
    }
}
