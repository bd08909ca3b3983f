//! The databases that a test runs on, as `domain.toml` names them.

use protean_test_servers::Database;

/// Those that need no server: in memory and in a file of this folder.
pub(crate) fn local(folder: &tempfile::TempDir, file: &str) -> [String; 2] {
    let file = folder.path().join(file);
    let sqlite = format!("provider = \"sqlite\"\ndatabase_uri = 'sqlite:{}'", file.display());
    ["provider = \"memory\"".to_owned(), sqlite]
}

pub(crate) fn postgresql(database: &Database) -> [String; 1] {
    [format!("provider = \"postgresql\"\ndatabase_uri = '{}'", database.uri())]
}

/// Each test on every store.
#[macro_export]
macro_rules! on_every_store {
    ($($name:ident)*) => {
        mod local {
            $(#[tokio::test]
            async fn $name() {
                let folder = tempfile::tempdir().unwrap();
                super::$name(&$crate::stores::local(&folder, "test.db")).await;
            })*
        }

        mod postgresql {
            $(#[tokio::test]
            #[ignore = "needs PostgreSQL: cargo xtask test"]
            async fn $name() {
                let database = protean_test_servers::Postgres::shared().database();
                super::$name(&$crate::stores::postgresql(&database)).await;
            })*
        }
    };
}
