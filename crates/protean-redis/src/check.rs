//! Checks once, when the broker is opened, whether the server can be relied on.

use protean_port::{Error, Result};
use redis::{Pipeline, Value};

use crate::publish::key;
use crate::script::Scripts;
use crate::shared::Shared;
use crate::{entry, error};

/// The first version that has every command used here, as major and minor.
const MIN_VERSION: (u32, u32) = (6, 2);

/// The default of `proto-max-bulk-len`.
const DEFAULT_MAX_MESSAGE_BYTES: usize = 512 * 1024 * 1024;

/// The commands used here, with arguments for a missing key, so that trying them changes
/// nothing.
const NEEDED_COMMANDS: &[(&str, &[&str])] = &[
    ("XADD", &["NOMKSTREAM", "*", "data", ""]),
    ("XREADGROUP", &[]),
    ("XACK", &["none", "0-1"]),
    ("XCLAIM", &["none", "none", "0", "0-1"]),
    ("XAUTOCLAIM", &["none", "none", "0", "0-0"]),
    ("XPENDING", &["none"]),
    ("XRANGE", &["-", "+", "COUNT", "1"]),
    ("XLEN", &[]),
    ("XDEL", &["0-1"]),
    ("XTRIM", &["MINID", "0-1"]),
    ("XINFO|STREAM", &[]),
    ("XINFO|GROUPS", &[]),
    ("XINFO|CONSUMERS", &["none"]),
    ("XGROUP|CREATE", &["none", "0"]),
    ("XGROUP|DESTROY", &["none"]),
    ("XGROUP|DELCONSUMER", &["none", "none"]),
    ("GET", &[]),
    ("SET", &["", "XX"]),
    ("EXISTS", &[]),
    ("UNLINK", &[]),
    ("CLIENT|UNBLOCK", &[]),
    ("EVALSHA", &["0"]),
    ("MULTI", &[]),
    ("EXEC", &[]),
];

/// Checks version, settings and rights, and returns the size of the largest message in bytes.
///
/// # Errors
/// Names the first thing to change.
pub(crate) async fn check(shared: &Shared) -> Result<usize> {
    shared.connect().await?;
    let mut info = redis::pipe();
    info.cmd("INFO");
    let info =
        replies(shared, &info).await?.into_iter().next().and_then(entry::text).unwrap_or_default();
    if let Some(fault) = fault(&info) {
        return Err(Error::misused(format!("Redis at {} {fault}", shared.server.address)));
    }
    replies(shared, &Scripts::load()).await?;
    check_rights(shared).await?;
    max_message_bytes(shared).await
}

/// The value of a field in the reply to `INFO`.
pub(crate) fn info_field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

/// What makes a server unusable, from its reply to `INFO`.
fn fault(info: &str) -> Option<String> {
    let version = info_field(info, "redis_version").unwrap_or("unknown");
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let (major, minor) = MIN_VERSION;
    if (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) < MIN_VERSION {
        return Some(format!("is version {version}; update it to {major}.{minor} or later"));
    }
    if info_field(info, "redis_mode") == Some("cluster") {
        return Some("is a cluster, which is not supported; use a single primary".into());
    }
    info_field(info, "maxmemory_policy").filter(|policy| policy.starts_with("allkeys")).map(
        |policy| {
            format!(
                "evicts streams when its memory is full (maxmemory-policy {policy}); \
             set maxmemory-policy noeviction on the server"
            )
        },
    )
}

/// Tries every command on a missing key of ours.
async fn check_rights(shared: &Shared) -> Result {
    let mut probe = redis::pipe();
    for (name, arguments) in NEEDED_COMMANDS {
        let mut words = name.split('|');
        probe.cmd(words.next().unwrap_or(name));
        words.for_each(|word| {
            probe.arg(word);
        });
        match *name {
            "MULTI" | "EXEC" => &mut probe,
            "XREADGROUP" => probe.arg(&["GROUP", "none", "none", "STREAMS"]).arg(key("-")).arg(">"),
            _ => probe.arg(key("-")).arg(*arguments),
        };
    }
    let replies = shared.send_all(&probe).await?;
    let denied =
        NEEDED_COMMANDS.iter().zip(&replies).filter_map(|((name, _), reply)| match reply {
            Value::ServerError(error) if error.code() == "NOPERM" => {
                Some((*name, error::report_line(error).contains("key")))
            }
            _ => None,
        });
    let (keys, commands): (Vec<_>, Vec<_>) = denied.partition(|(_, is_key)| *is_key);
    let address = &shared.server.address;
    if !commands.is_empty() {
        let rights = commands
            .iter()
            .map(|(name, _)| format!("+{}", name.to_lowercase()))
            .collect::<Vec<_>>()
            .join(" ");
        return Err(Error::misused(format!(
            "Redis at {address} denies commands to the user in the URI; run \
             ACL SETUSER <user> {rights} on the server"
        )));
    }
    if !keys.is_empty() {
        return Err(Error::misused(format!(
            "Redis at {address} denies keys to the user in the URI; run ACL SETUSER <user> ~{} \
             ~<stream> on the server, with a ~<stream> for each stream, such as ~bank::*",
            key("*")
        )));
    }
    Ok(())
}

/// The replies, or the error that the first error reply stands for.
async fn replies(shared: &Shared, commands: &Pipeline) -> Result<Vec<Value>> {
    let replies = shared.send_all(commands).await?;
    let report = replies.iter().find_map(|reply| match reply {
        Value::ServerError(error) => Some(error::report_line(error)),
        _ => None,
    });
    let address = &shared.server.address;
    report.map_or(Ok(replies), |report| Err(error::from_report(&report, address)))
}

/// The size of the largest message in bytes; the default when the server does not say.
pub(crate) async fn max_message_bytes(shared: &Shared) -> Result<usize> {
    let bytes = setting(shared, "proto-max-bulk-len").await?;
    Ok(bytes.and_then(|bytes| bytes.parse().ok()).unwrap_or(DEFAULT_MAX_MESSAGE_BYTES))
}

/// A setting of the server; none when it does not say.
pub(crate) async fn setting(shared: &Shared, name: &str) -> Result<Option<String>> {
    let mut config = redis::pipe();
    config.cmd("CONFIG").arg("GET").arg(name);
    let reply = shared.send_all(&config).await?.into_iter().next();
    let value = reply.and_then(entry::array).and_then(|pair| pair.into_iter().nth(1));
    Ok(value.and_then(entry::text))
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn names_what_a_server_lacks() {
        let of = |version, mode, policy| {
            fault(&format!(
                "redis_version:{version}\r\nredis_mode:{mode}\r\nmaxmemory_policy:{policy}\r\n"
            ))
        };
        assert!(of("6.0.16", "standalone", "noeviction").is_some_and(|f| f.contains("6.2")));
        assert!(of("7.0.15", "cluster", "noeviction").is_some_and(|f| f.contains("cluster")));
        assert!(
            of("7.0.15", "standalone", "allkeys-lru").is_some_and(|f| f.contains("noeviction"))
        );
        assert_eq!(of("6.2.0", "standalone", "noeviction"), None);
        assert_eq!(of("10.1.0", "standalone", "volatile-lru"), None, "ours never expire");
        assert!(fault("").is_some());
    }
}
