//! Whether the server can be relied on, looked at once when it is opened.

use protean_port::{Error, Result};
use redis::{Pipeline, Value};

use crate::publish::key;
use crate::script::Steps;
use crate::shared::Shared;
use crate::{entry, error};

/// The oldest version that has all that is needed.
const OLDEST: (u32, u32) = (6, 2);

/// What Redis takes when it has not been told otherwise.
const LONGEST: usize = 512 * 1024 * 1024;

/// What is asked of the server, each on a key that is not there, so that nothing changes.
const NEEDED: &[(&str, &[&str])] = &[
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

/// Looks at version, settings and rights, and answers the longest message in bytes.
///
/// # Errors
/// Names the first thing that has to be changed.
pub(crate) async fn check(shared: &Shared) -> Result<usize> {
    shared.connect().await?;
    let mut info = redis::pipe();
    info.cmd("INFO");
    let info =
        answers(shared, &info).await?.into_iter().next().and_then(entry::text).unwrap_or_default();
    if let Some(fault) = fault(&info) {
        return Err(Error::misused(format!("Redis at {} {fault}", shared.server.place)));
    }
    answers(shared, &Steps::load()).await?;
    rights(shared).await?;
    longest(shared).await
}

/// A line of `INFO`.
pub(crate) fn told<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

/// What is wrong with a server that says this of itself.
fn fault(info: &str) -> Option<String> {
    let version = told(info, "redis_version").unwrap_or("of an unknown version");
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let (major, minor) = OLDEST;
    if (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) < OLDEST {
        return Some(format!("is {version}; update it to {major}.{minor} or later"));
    }
    if told(info, "redis_mode") == Some("cluster") {
        return Some("is a cluster, which is not supported; use a single primary".into());
    }
    let policy = told(info, "maxmemory_policy").filter(|policy| policy.starts_with("allkeys"));
    policy.map(|policy| {
        format!(
            "throws streams away when its memory is full (maxmemory-policy {policy}); \
             set maxmemory-policy noeviction there"
        )
    })
}

/// Tries every command on a key of ours that is not there.
async fn rights(shared: &Shared) -> Result {
    let mut probe = redis::pipe();
    for (name, arguments) in NEEDED {
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
    let answers = shared.ask_all(&probe).await?;
    let denied = NEEDED.iter().zip(&answers).filter_map(|((name, _), answer)| match answer {
        Value::ServerError(refusal) if refusal.code() == "NOPERM" => {
            Some((*name, error::line(refusal).contains("key")))
        }
        _ => None,
    });
    let (keys, commands): (Vec<_>, Vec<_>) = denied.partition(|(_, is_key)| *is_key);
    let place = &shared.server.place;
    if !commands.is_empty() {
        let rights = commands.iter().map(|(name, _)| format!("+{}", name.to_lowercase()));
        let rights = rights.collect::<Vec<_>>().join(" ");
        return Err(Error::misused(format!(
            "Redis at {place} denies commands to the user of the URI; there, run \
             ACL SETUSER <user> {rights}"
        )));
    }
    if !keys.is_empty() {
        return Err(Error::misused(format!(
            "Redis at {place} denies keys to the user of the URI; there, run \
             ACL SETUSER <user> ~{}, and the same for its streams",
            key("*")
        )));
    }
    Ok(())
}

/// The answers, when none of them is a refusal.
async fn answers(shared: &Shared, commands: &Pipeline) -> Result<Vec<Value>> {
    let answers = shared.ask_all(commands).await?;
    let refusal = answers.iter().find_map(|answer| match answer {
        Value::ServerError(refusal) => Some(error::line(refusal)),
        _ => None,
    });
    let place = &shared.server.place;
    refusal.map_or(Ok(answers), |report| Err(error::described(&report, place)))
}

/// The longest message; a server that does not tell is taken to be as it comes.
pub(crate) async fn longest(shared: &Shared) -> Result<usize> {
    let mut ask = redis::pipe();
    ask.cmd("CONFIG").arg("GET").arg("proto-max-bulk-len");
    let answer = shared.ask_all(&ask).await?.into_iter().next();
    let told = answer.and_then(entry::array).and_then(|told| told.into_iter().nth(1));
    Ok(told.and_then(entry::text).and_then(|told| told.parse().ok()).unwrap_or(LONGEST))
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
