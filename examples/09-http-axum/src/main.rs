//! A bank behind HTTP: `cargo run -p http-axum`, then
//! `curl -d '{"amount": 5}' -H 'Content-Type: application/json' localhost:3000/accounts/ada/deposits`.
//!
//! You learn how a request becomes a command, how an error of the domain becomes a status that its
//! sender can act on, and how the header `Idempotency-Key` makes it safe to send a request again. Read
//! `10-testing` next, or `bookshelf` for a shop with limits, time-outs and correlation ids.
#![expect(clippy::print_stdout, reason = "the program says where it listens")]

use std::error::Error;

use axum::extract::{Json, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, serve};
use protean::prelude::{Context, Decimal, Domain, Id, Result, Root};
use protean::{DomainBuilder, aggregate, aggregate_impl, command, command_handler, event};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[event(part_of = Account)]
struct DepositMade {
    account_id: Id,
    amount: Decimal,
}

/// Pays money in, and answers with the balance.
#[command(part_of = Account, returns = Decimal)]
struct MakeDeposit {
    #[field(identifier)]
    account_id: Id,
    #[field(min_value = 0.01)]
    amount: Decimal,
}

#[aggregate(event_sourced, commands(MakeDeposit))]
struct Account {
    root: Root<Account>,
    #[field(default = 0)]
    balance: Decimal,
}

#[aggregate_impl]
impl Account {
    #[apply]
    fn on_deposit_made(&mut self, event: &DepositMade) {
        self.balance += event.amount;
    }
}

struct AccountCommandHandler;

#[command_handler(part_of = Account)]
impl AccountCommandHandler {
    #[handle]
    async fn deposit(&self, command: MakeDeposit, ctx: &Context) -> Result<Decimal> {
        let MakeDeposit { account_id, amount } = command;
        let found = ctx.repository::<Account>().find(&account_id).await?;
        let mut account = found.unwrap_or_else(|| Account::create_with(account_id.clone()));
        account.raise(DepositMade { account_id, amount })?;
        let balance = account.balance;
        ctx.repository::<Account>().add(account).await?;
        Ok(balance)
    }
}

fn bank() -> DomainBuilder {
    protean::domain("bank").aggregate::<Account>().register(AccountCommandHandler).in_memory()
}

/// What the bank answers. A `Domain` is a handle: cloning it is cheap, and all clones are one bank.
fn router(bank: Domain) -> Router {
    Router::new()
        .route("/accounts/{id}", get(show))
        .route("/accounts/{id}/deposits", post(deposit))
        .with_state(bank)
}

#[derive(Deserialize)]
struct Deposit {
    amount: Decimal,
}

async fn deposit(
    State(bank): State<Domain>,
    Path(account_id): Path<Id>,
    headers: HeaderMap,
    Json(Deposit { amount }): Json<Deposit>,
) -> Result<Json<Value>, Problem> {
    let mut process = bank.process(MakeDeposit { account_id, amount });
    if let Some(key) = headers.get("idempotency-key").and_then(|key| key.to_str().ok()) {
        process = process.idempotency_key(key);
    }
    Ok(Json(json!({"balance": process.synchronous().await?})))
}

async fn show(
    State(bank): State<Domain>,
    Path(account_id): Path<Id>,
) -> Result<Json<Value>, Problem> {
    let account = bank.repository::<Account>().await?.get(&account_id).await?;
    Ok(Json(json!({"balance": account.balance})))
}

/// An error of the domain as HTTP says it.
struct Problem(protean::Error);

impl From<protean::Error> for Problem {
    fn from(error: protean::Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self(error) = self;
        if let Some(violations) = error.violations() {
            return (StatusCode::UNPROCESSABLE_ENTITY, Json(violations)).into_response();
        }
        let status = if error.is_not_found() {
            StatusCode::NOT_FOUND
        } else if error.is_conflict() {
            StatusCode::CONFLICT
        } else if error.is_unavailable() {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        if status.is_server_error() {
            // What concerns the operator alone is for the log.
            eprintln!("a request failed: {error:#}");
            return status.into_response();
        }
        (status, error.to_string()).into_response()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(serve(listener, router(bank().build()?)).await?)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::{bank, router};

    /// A bank of its own at a free port; it ends with the test.
    async fn served() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, router(bank().build().unwrap())).into_future());
        address
    }

    /// Sends a request over loopback, and returns the status and the body of the answer.
    async fn request(address: SocketAddr, head: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let length = body.len();
        let request = format!(
            "{head}\r\nHost: bank\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    const DEPOSIT: &str = "POST /accounts/ada/deposits HTTP/1.1";
    const SHOW: &str = "GET /accounts/ada HTTP/1.1";

    #[tokio::test]
    async fn a_deposit_is_made_and_shown() {
        let bank = served().await;
        assert_eq!(request(bank, SHOW, "").await.0, 404);
        let answer = request(bank, DEPOSIT, r#"{"amount": 5.50}"#).await;
        assert_eq!(answer, (200, r#"{"balance":5.5}"#.to_owned()));
        assert_eq!(request(bank, SHOW, "").await, answer);
    }

    #[tokio::test]
    async fn a_rule_that_is_broken_is_named_with_its_field() {
        let bank = served().await;
        let (status, body) = request(bank, DEPOSIT, r#"{"amount": -5}"#).await;
        assert_eq!(status, 422);
        assert!(body.starts_with(r#"{"amount":["#), "{body}");
        assert_eq!(request(bank, SHOW, "").await.0, 404, "nothing was paid in");
    }

    #[tokio::test]
    async fn a_request_that_is_sent_again_is_answered_and_takes_effect_once() {
        let bank = served().await;
        let with_key = format!("{DEPOSIT}\r\nIdempotency-Key: k-1");
        let first = request(bank, &with_key, r#"{"amount": 5}"#).await;
        assert_eq!(request(bank, &with_key, r#"{"amount": 5}"#).await, first);
        assert_eq!(request(bank, DEPOSIT, r#"{"amount": 5}"#).await.1, r#"{"balance":10}"#);
    }
}
