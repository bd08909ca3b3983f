//! Protean for Python can be asked for every figure. None is judged here.

use std::process::{Command, Stdio};

use serde_json::Value;

#[test]
fn protean_for_python_comes_to_every_figure() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_protean-benches"));
    let program = program.args(["peer", "--quick", "--json"]).stdin(Stdio::null());
    let output = program.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figures = report["figures"].as_array().unwrap();
    for figure in figures {
        // A handler may begin before `process` has returned.
        let may_be_less = figure["what"].as_str().unwrap().starts_with("after return");
        assert!(may_be_less || figure["value"].as_f64().unwrap() > 0.0, "{figure}");
    }
    let of = |measure| figures.iter().filter(|figure| figure["measure"] == measure).count();
    let counts = ["t3", "t4", "t5", "t6", "t9", "t11", "t12", "t14"].map(of);
    assert_eq!(counts, [2, 2, 1, 1, 4, 1, 1, 3]);
}
