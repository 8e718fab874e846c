//! The errors that the simulated server can answer, in one place, so that each says how sure its text and codes are.

/// An error as the wire carries it: severity, SQLSTATE, Vertica's own number, text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlError {
    /// `FATAL` ends the connection, `ERROR` only the statement.
    pub severity: &'static str,
    /// Field `C`.
    pub sqlstate: String,
    /// Field `V`; `None` leaves it out.
    pub number: Option<u32>,
    /// Field `M`.
    pub message: String,
    /// Field `R`, the routine that raised it.
    pub routine: &'static str,
}

impl SqlError {
    /// An error that ends the connection.
    pub fn fatal(sqlstate: &str, number: Option<u32>, message: &str) -> SqlError {
        SqlError {
            severity: "FATAL",
            sqlstate: sqlstate.to_owned(),
            number,
            message: message.to_owned(),
            routine: "ProcessStartupPacket",
        }
    }

    /// An error that ends one statement.
    pub fn error(sqlstate: &str, number: Option<u32>, message: &str) -> SqlError {
        SqlError {
            severity: "ERROR",
            routine: "exec_simple_query",
            ..SqlError::fatal(sqlstate, number, message)
        }
    }

    /// The node is not up yet. Codes and text as users report them.
    pub fn starting() -> SqlError {
        SqlError::fatal(
            "57V03",
            Some(4149),
            "Node startup/recovery in progress. Not yet ready to accept connections",
        )
    }

    /// The database goes down. The SQLSTATE is documented (`ERRCODE_ADMIN_SHUTDOWN`), the text *assumed*.
    pub fn shutting_down() -> SqlError {
        SqlError::fatal("57V01", None, "Database is shutting down")
    }

    /// All sessions are taken. Number and text as users report them, the SQLSTATE *assumed* from
    /// the class of exception (08) that the vendor's JDBC driver makes of it.
    pub fn session_limit(active: u32) -> SqlError {
        SqlError::fatal(
            "08004",
            Some(4060),
            &format!("New session rejected due to limit, already {active} sessions active"),
        )
    }

    /// The subcluster takes no new sessions. The codes are *assumed*.
    pub fn draining(subcluster: &str) -> SqlError {
        SqlError::fatal(
            "08004",
            None,
            &format!(
                "New session rejected because subcluster to which this node belongs is draining connections: {subcluster}"
            ),
        )
    }

    /// The password is wrong. Number and text are *assumed*, the SQLSTATE is the vendor's.
    pub fn wrong_password() -> SqlError {
        SqlError {
            routine: "auth_failed",
            ..SqlError::fatal("28000", Some(3781), "Invalid username or password")
        }
    }

    /// No way to log in is open to that user from there. Number, SQLSTATE and routine as the tests
    /// of the vendor's Go driver expect them.
    pub fn authentication_failed(user: &str) -> SqlError {
        SqlError {
            routine: "auth_failed",
            ..SqlError::fatal(
                "28000",
                Some(2248),
                &format!("Authentication failed for username \"{user}\""),
            )
        }
    }

    /// The server has no such database. The class of the SQLSTATE is documented, the rest *assumed*.
    pub fn no_database(name: &str) -> SqlError {
        SqlError::fatal(
            "3D000",
            None,
            &format!("Database \"{name}\" does not exist"),
        )
    }

    /// The user may not read that table. The SQLSTATE is one that vertica-python knows; the number is *assumed*.
    pub fn permission_denied(relation: &str) -> SqlError {
        SqlError::error(
            "42501",
            Some(4367),
            &format!("Permission denied for relation {relation}"),
        )
    }

    /// A resource pool is full. The SQLSTATE and the text's shape are documented.
    pub fn no_resources() -> SqlError {
        SqlError::error(
            "53000",
            Some(3587),
            "Insufficient resources to execute plan on pool general [Request exceeds limits]",
        )
    }

    /// A statement outside the simulator's small set. The SQLSTATE is one that vertica-python knows; the number is *assumed*.
    pub fn syntax(near: &str) -> SqlError {
        SqlError::error(
            "42601",
            Some(4856),
            &format!("Syntax error at or near \"{near}\""),
        )
    }

    /// A column that the table lacks. The SQLSTATE is one that vertica-python knows; the number is *assumed*.
    pub fn no_column(name: &str) -> SqlError {
        SqlError::error(
            "42703",
            Some(2624),
            &format!("Column \"{name}\" does not exist"),
        )
    }

    /// A table that there is not. The SQLSTATE is one that vertica-python knows; the number is *assumed*.
    pub fn no_relation(name: &str) -> SqlError {
        SqlError::error(
            "42V01",
            Some(4566),
            &format!("Relation \"{name}\" does not exist"),
        )
    }

    /// A message of the protocol that the simulator does not serve.
    pub(super) fn unsupported(message: u8) -> SqlError {
        SqlError::error(
            "0A000",
            None,
            &format!(
                "the simulated server does not serve message '{}'",
                message.escape_ascii()
            ),
        )
    }
}
