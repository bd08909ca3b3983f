use protean_port::port::BrokerProvider;
use protean_redis::Redis;
use protean_test_servers::RedisServer;

use crate::location;

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_server_that_waits_for_its_disk_with_every_message_is_named() {
    let server = RedisServer::start("");
    let advice = async || Redis.advice(&location(&server.uri())).await.unwrap();
    for (appends, syncs, count) in
        [("no", "always", 0), ("yes", "everysec", 0), ("yes", "always", 1)]
    {
        server.command(&["CONFIG", "SET", "appendonly", appends]);
        server.command(&["CONFIG", "SET", "appendfsync", syncs]);
        let said = advice().await;
        assert_eq!(said.len(), count, "{appends} {syncs}: {said:?}");
        assert!(said.iter().all(|said| said.contains("set appendfsync = everysec")), "{said:?}");
    }
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask test"]
async fn a_server_that_keeps_its_settings_to_itself_is_not_named() {
    let server = RedisServer::start("");
    server.command(&["CONFIG", "SET", "appendonly", "yes"]);
    server.command(&["CONFIG", "SET", "appendfsync", "always"]);
    server.command(&["ACL", "SETUSER", "bob", "on", "nopass", "~*", "+@all", "-config"]);
    let advice = Redis.advice(&location(&server.uri_as("bob:x"))).await.unwrap();
    assert!(advice.is_empty(), "{advice:?}");
}
