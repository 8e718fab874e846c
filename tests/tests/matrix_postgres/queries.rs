//! What the server is asked once the user is in.

use waitfor_tests::matrix::Matrix;
use waitfor_tests::servers::postgres::Postgres;

use crate::{ask, at};

pub(crate) fn tables_and_queries(matrix: &mut Matrix, server: &Postgres) {
    let url = at(server.port, "trusted", "app");
    for (state, table, verdict, code) in [
        ("the expected table exists", "shop.items", "ready", ""),
        (
            "the expected table exists, by the search path",
            "migrated",
            "ready",
            "",
        ),
        (
            "the expected table exists, in quotes",
            "\"shop\".\"items\"",
            "ready",
            "",
        ),
        (
            "the expected table is missing",
            "shop.orders",
            "not-ready",
            "table-missing",
        ),
        (
            "the expected table's schema is missing",
            "nosuch.items",
            "not-ready",
            "table-missing",
        ),
        (
            "the expected table's name is none",
            "items; DROP TABLE x",
            "usage",
            "",
        ),
    ] {
        matrix.row(state, verdict, code, &ask(&url, &["--expect-table", table]));
    }
    let both = [
        "--expect-table",
        "migrated",
        "--expect-table",
        "shop.orders",
    ];
    matrix.row(
        "one of two expected tables is missing",
        "not-ready",
        "table-missing",
        &ask(&url, &both),
    );
    for (state, sql, verdict, code) in [
        (
            "the query returns a row",
            "SELECT 1 FROM migrated",
            "ready",
            "",
        ),
        (
            "the query returns very many rows",
            "SELECT generate_series(1, 1000000000)",
            "ready",
            "",
        ),
        (
            "the query returns no row",
            "SELECT 1 FROM no_rows",
            "not-ready",
            "no-row",
        ),
        (
            "the query's table is missing",
            "SELECT 1 FROM nosuch",
            "not-ready",
            "table-missing",
        ),
        (
            "the query's column is missing",
            "SELECT nope FROM migrated",
            "not-ready",
            "object-missing",
        ),
        (
            "the query is no SQL",
            "SELEC 1",
            "misconfigured",
            "bad-query",
        ),
        (
            "the query is two",
            "SELECT 1; SELECT 2",
            "misconfigured",
            "bad-query",
        ),
        (
            "the query may not read the table",
            "SELECT 1 FROM pg_authid",
            "misconfigured",
            "not-authorized",
        ),
        (
            "the query copies",
            "COPY migrated TO STDOUT",
            "misconfigured",
            "bad-query",
        ),
        (
            "the query fails on the data",
            "SELECT 1 / (id - 1) FROM migrated",
            "not-ready",
            "query-failed",
        ),
    ] {
        matrix.row(state, verdict, code, &ask(&url, &["--query", sql]));
    }
}
