//! A plain application: it writes its own table and enqueues commands, in one transaction.
//! Arguments: the database, the name of a ledger, and how many transactions.

use serde_json::json;
use sqlx::{Connection, PgConnection};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, uri, ledger, count] = &arguments[..] else { return Err("three arguments".into()) };
    let mut connection = PgConnection::connect(uri).await?;
    for number in 0..count.parse::<u32>()? {
        let mut transaction = connection.begin().await?;
        sqlx::query("INSERT INTO orders (ledger, number) VALUES ($1, $2)")
            .bind(ledger)
            .bind(i64::from(number))
            .execute(&mut *transaction)
            .await?;
        for step in 0..3 {
            let data = json!({"ledger": ledger, "line": format!("{number}.{step}")});
            // RETURNING needs SELECT on the column as well.
            let id: String = sqlx::query_scalar(
                "INSERT INTO protean_intake (type, data) VALUES ('Enter', $1) RETURNING id",
            )
            .bind(data.to_string())
            .fetch_one(&mut *transaction)
            .await?;
            println!("{id}");
        }
        if number % 3 == 2 {
            transaction.rollback().await?;
        } else {
            transaction.commit().await?;
        }
    }
    Ok(())
}
