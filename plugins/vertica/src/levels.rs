//! The three levels of proof: a session that answers, a node that is up and writable, a cluster that is whole.
//!
//! The queries are those of Vertica's own operators (vertica-kubernetes, vcluster). `v_catalog.nodes`
//! is asked and not `v_monitor.node_states`, which is a history of the nodes that are up.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use waitfor_sdk::{Misuse, Pending, Ready, Unready};

use crate::Level;
use crate::judge::{Login, judge};
use crate::login::Session;
use crate::wire::{self, Message, ServerError, Wire};

const PING: &str = "SELECT 1";
/// From 11.0.2 on, nodes tell whether they take writes; before, and before `is_primary`, they do not.
const OWN_NODE: &str = "SELECT n.node_name, n.node_state, n.is_primary, n.is_readonly \
    FROM v_catalog.nodes n \
    WHERE n.node_name IN (SELECT node_name FROM v_monitor.current_session)";
const OWN_NODE_OLD: &str = "SELECT n.node_name, n.node_state \
    FROM v_catalog.nodes n \
    WHERE n.node_name IN (SELECT node_name FROM v_monitor.current_session)";
const ALL_NODES: &str = "SELECT node_name, node_state FROM v_catalog.nodes";
const TOLERANCE: &str = "SELECT designed_fault_tolerance, current_fault_tolerance \
    FROM v_monitor.system";

/// The most values in the answer to one query: some for each node.
const MOST_VALUES: usize = 16 * 1024;

/// How many nodes a reason names.
const NAMED: usize = 4;

type Rows = Vec<Vec<Option<String>>>;

/// Proves what `level` wants.
pub(crate) fn prove(
    wire: &mut Wire,
    level: Level,
    login: Login<'_>,
    session: Session,
) -> Result<Ready, Unready> {
    let mut asker = Asker { wire, login };
    let mut ready = match level {
        Level::Session => asker.session("a session answers queries")?,
        Level::Node => asker.node()?,
        Level::Cluster => asker.cluster()?,
    };
    if let Some(version) = session.version {
        ready = ready.fact("version", version);
    }
    if session.grace {
        ready = ready.fact("password", "expires soon");
    }
    let encrypted = if login.encrypted { "yes" } else { "no" };
    Ok(ready.fact("level", level.word()).fact("tls", encrypted))
}

struct Asker<'a> {
    wire: &'a mut Wire,
    login: Login<'a>,
}

impl Asker<'_> {
    /// Runs a query to the server's next `ReadyForQuery`. An error ends a query and not the session,
    /// so the caller may ask another one.
    fn ask(&mut self, query: &str) -> Result<Result<Rows, ServerError>, Unready> {
        self.wire.send_text(b'Q', query.as_bytes())?;
        let mut rows = Rows::new();
        let mut values = 0;
        let mut failed = None;
        loop {
            match self.wire.next() {
                Ok(Message::Row(row)) => {
                    values += row.len().max(1);
                    if values > MOST_VALUES {
                        return Err(wire::protocol_error("more rows than a cluster can have"));
                    }
                    rows.push(row);
                }
                Ok(Message::Error(error)) => failed = Some(error),
                Ok(Message::Ready) => return Ok(failed.map_or(Ok(rows), Err)),
                Ok(_) => {}
                // A fatal error is the last word of a session: it tells more than the hang-up does.
                Err(unready) => match failed {
                    Some(error) => return Ok(Err(error)),
                    None => return Err(unready),
                },
            }
        }
    }

    fn must(&mut self, query: &str) -> Result<Rows, Unready> {
        self.ask(query)?.map_err(|error| judge(&error, self.login))
    }

    fn session(&mut self, summary: &str) -> Result<Ready, Unready> {
        let rows = self.must(PING)?;
        match rows.first().and_then(|row| row.first()) {
            Some(Some(one)) if one == "1" => Ok(Ready::new(summary)),
            _ => Err(wire::protocol_error("no row for `SELECT 1`")),
        }
    }

    /// This session's node; `None` where the user may not see it.
    fn own_node(&mut self) -> Result<Option<Node>, Unready> {
        let rows = match self.ask(OWN_NODE)? {
            Err(error) if error.sqlstate == "42703" => self.ask(OWN_NODE_OLD)?,
            other => other,
        };
        match rows {
            Ok(rows) => Ok(rows.first().and_then(|row| Node::of(row))),
            Err(error) if error.sqlstate == "42501" => Ok(None),
            Err(error) => Err(judge(&error, self.login)),
        }
    }

    fn node(&mut self) -> Result<Ready, Unready> {
        match self.own_node()? {
            Some(node) => {
                node.must_work()?;
                Ok(node.tell(Ready::new(format!(
                    "node {} is up and takes writes",
                    node.name
                ))))
            }
            None => Ok(self
                .session("a session answers queries; the user may not read the node's state")?
                .fact("node-state", "unreadable")),
        }
    }

    fn cluster(&mut self) -> Result<Ready, Unready> {
        let Some(node) = self.own_node()? else {
            return Err(Misuse::new(
                "not-authorized",
                format!(
                    "user `{}` may not read the system tables that tell of the cluster",
                    self.login.user
                ),
            )
            .param("level")
            .hint("grant the user the role sysmonitor, or ask for level=node or level=session")
            .into());
        };
        node.must_work()?;
        let nodes: Vec<Node> = self
            .must(ALL_NODES)?
            .iter()
            .filter_map(|row| Node::of(row))
            .collect();
        let missing: Vec<&Node> = nodes.iter().filter(|node| !node.counts_as_up()).collect();
        if !missing.is_empty() {
            return Err(
                Pending::new("nodes-down", some_are_missing(&missing, nodes.len()))
                    .fact("nodes", nodes.len().to_string())
                    .fact("nodes-up", (nodes.len() - missing.len()).to_string())
                    .into(),
            );
        }
        let rows = self.must(TOLERANCE)?;
        let number =
            |place: usize| -> Option<u32> { rows.first()?.get(place)?.as_ref()?.parse().ok() };
        let (Some(designed), Some(current)) = (number(0), number(1)) else {
            return Err(wire::protocol_error(
                "no fault tolerance in v_monitor.system",
            ));
        };
        let tolerance = format!("{current} of {designed}");
        if current < designed {
            return Err(Pending::new(
                "fault-tolerance-low",
                format!(
                    "all nodes are up, but the cluster can bear the loss of {current} nodes and is designed for {designed}"
                ),
            )
            .fact("fault-tolerance", tolerance)
            .into());
        }
        let summary = match nodes.len() {
            1 => "the only node is up and takes writes".to_string(),
            count => format!("all {count} nodes are up, fault tolerance is {tolerance}"),
        };
        Ok(node
            .tell(Ready::new(summary))
            .fact("nodes", nodes.len().to_string())
            .fact("fault-tolerance", tolerance))
    }
}

/// A row of `v_catalog.nodes`; the last two columns are missing on older servers.
struct Node {
    name: String,
    state: String,
    is_primary: Option<bool>,
    is_readonly: Option<bool>,
}

impl Node {
    fn of(row: &[Option<String>]) -> Option<Self> {
        let truth = |place: usize| {
            let text = row.get(place)?.as_deref()?;
            Some(matches!(text, "t" | "true" | "1"))
        };
        Some(Self {
            name: row.first()?.clone()?,
            state: row.get(1)?.clone()?,
            is_primary: truth(2),
            is_readonly: truth(3),
        })
    }

    /// Up, or rightly not: compute nodes have a state of their own for it, and a stand-by node waits
    /// to take a lost one's place.
    fn counts_as_up(&self) -> bool {
        matches!(
            self.state.as_str(),
            "UP" | "COMPUTE" | "STAND BY" | "STANDBY"
        )
    }

    /// The node that a session is on must be up itself, and take writes.
    fn must_work(&self) -> Result<(), Unready> {
        let Self { name, state, .. } = self;
        let code = match state.as_str() {
            "UP" | "COMPUTE" => {
                if self.is_readonly != Some(true) {
                    return Ok(());
                }
                let reason = format!(
                    "node {name} is up and takes no writes, as after the loss of primary nodes"
                );
                return Err(Pending::new("read-only", reason)
                    .fact("node", name.as_str())
                    .into());
            }
            "RECOVERING" | "RECOVERED" | "RECOVERY ERROR" | "NEEDS CATCH UP" => "recovering",
            "INITIALIZING" | "READY" => "starting-up",
            "SHUTDOWN" | "SHUTDOWN ERROR" => "shutting-down",
            "STAND BY" | "STANDBY" => "standby",
            _ => "node-not-up",
        };
        Err(
            Pending::new(code, format!("node {name} is not up: its state is {state}"))
                .fact("node", name.as_str())
                .fact("node-state", state.as_str())
                .into(),
        )
    }

    fn tell(&self, ready: Ready) -> Ready {
        let ready = ready
            .fact("node", self.name.as_str())
            .fact("node-state", self.state.as_str());
        match self.is_primary {
            Some(true) => ready.fact("role", "primary"),
            Some(false) => ready.fact("role", "secondary"),
            None => ready,
        }
    }
}

fn some_are_missing(missing: &[&Node], all: usize) -> String {
    let mut text = format!("{} of {all} nodes are up", all - missing.len());
    for (place, node) in missing.iter().take(NAMED).enumerate() {
        let separator = if place == 0 { ":" } else { "," };
        text.push_str(&format!("{separator} {} is {}", node.name, node.state));
    }
    if missing.len() > NAMED {
        text.push_str(&format!(", {} more", missing.len() - NAMED));
    }
    text
}
