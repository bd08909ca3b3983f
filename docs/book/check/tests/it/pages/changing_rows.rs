use protean::prelude::*;
use protean::projection;

#[projection]
struct AccountSummary {
    #[field(identifier)]
    account_id: Id,
    #[field(renamed_from = "holder")]
    holder_name: String,
}

#[test]
fn a_renamed_field_keeps_its_name_in_the_code() {
    let sort = AccountSummary::HOLDER_NAME.ascending();
    drop(sort);
}
