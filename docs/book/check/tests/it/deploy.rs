//! What `docs/deploy` says about the server is true of it.

use protean::config::Config;

use crate::fences::read;

/// What stands behind these words in a line of a file.
fn values(file: &str, before: &str) -> Vec<String> {
    let text = read(&format!("docs/deploy/{file}"));
    let lines = text.lines().filter_map(|line| line.split_once(before));
    let value = |rest: &str| rest.split([',', '}', ' ']).next().unwrap().trim().to_owned();
    lines.map(|(_, rest)| value(rest)).collect()
}

#[test]
fn a_supervisor_waits_longer_than_the_server_drains() {
    let drain = Config::default().server.drain_timeout.as_secs();
    let waits = [
        values("shop.service", "TimeoutStopSec="),
        values("kubernetes.yaml", "terminationGracePeriodSeconds: "),
    ];
    for wait in waits.concat() {
        assert!(wait.parse::<u64>().unwrap() > drain, "{wait} is not longer than {drain} seconds");
    }
}

#[test]
fn probes_ask_for_pages_of_the_server_at_its_port() {
    let pages = read("crates/protean-engine/src/observe/health_service.rs");
    let paths = values("kubernetes.yaml", "path: ");
    assert_eq!(paths.len(), 3);
    for path in paths {
        assert!(pages.contains(&format!("\"{path}\" =>")), "the server has no page {path}");
    }
    let port = Config::default().server.health.port.to_string();
    assert_eq!(values("kubernetes.yaml", "containerPort: "), [port]);
}

#[test]
fn the_settings_of_postgresql_are_those_of_the_services_for_trying_out() {
    let compose = read("compose.yaml");
    for name in ["min_wal_size", "max_wal_size"] {
        let value = values("postgresql.conf", &format!("{name} = ")).concat();
        assert!(compose.contains(&format!("\"{name}={value}\"")), "{name} = {value}");
    }
}
