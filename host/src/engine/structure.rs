//! Counts what a component consists of before it is compiled: the compiler
//! believes every number that it reads, and some of three bytes cost it
//! gigabytes.
//!
//! The count costs next to nothing, since no instruction is read. What it
//! cannot tell is left to [`super::watch`].

use wasmparser::{ElementItems, FunctionBody, Parser, Payload};

use super::limits;

/// Looks through a component for more of anything than a probe needs. Bytes
/// that cannot be read pass: the compiler has the better words for them, and
/// reads all of them before it compiles.
///
/// # Errors
/// What there is too much of, after "it".
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    if bytes.len() > limits::COMPONENT {
        return Err(format!("has more than {} bytes", limits::COMPONENT));
    }
    let mut census = Census::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let Ok(payload) = payload else { break };
        census.take(&payload)?;
    }
    Ok(())
}

/// What was seen so far.
#[derive(Default)]
struct Census {
    /// The parts of each module and component that is being read, the
    /// outermost first; those of a module count elsewhere.
    open: Vec<u64>,
    /// The most parts of any component that was read to its end: one that is
    /// instantiated has at most so many.
    largest: u64,
    nested: u64,
    module_parts: u64,
    functions: u64,
    locals: u64,
    memory: u64,
    table_elements: u64,
}

impl Census {
    fn take(&mut self, payload: &Payload<'_>) -> Result<(), String> {
        match payload {
            Payload::Version { .. } => self.open.push(1),
            Payload::End(_) => {
                let parts = self.open.pop().unwrap_or_default();
                self.largest = self.largest.max(parts);
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                self.nested += 1;
                at_most(self.nested, limits::NESTED, "modules and components in it")?;
            }

            Payload::InstanceSection(section) => self.parts(section.count(), 1)?,
            Payload::CoreTypeSection(section) => self.parts(section.count(), 1)?,
            Payload::ComponentTypeSection(section) => self.parts(section.count(), 1)?,
            Payload::ComponentAliasSection(section) => self.parts(section.count(), 1)?,
            Payload::ComponentCanonicalSection(section) => self.parts(section.count(), 1)?,
            Payload::ComponentImportSection(section) => self.parts(section.count(), 1)?,
            Payload::ComponentExportSection(section) => self.parts(section.count(), 1)?,
            Payload::ComponentInstanceSection(section) => {
                self.parts(section.count(), self.largest)?;
            }

            Payload::TypeSection(section) => self.module_parts(section.count())?,
            Payload::ImportSection(section) => self.module_parts(section.count())?,
            Payload::GlobalSection(section) => self.module_parts(section.count())?,
            Payload::ExportSection(section) => self.module_parts(section.count())?,
            Payload::TagSection(section) => self.module_parts(section.count())?,
            Payload::DataSection(section) => self.module_parts(section.count())?,
            Payload::MemorySection(section) => {
                self.module_parts(section.count())?;
                for memory in section.clone().into_iter().flatten() {
                    let bytes = memory.initial.saturating_mul(1 << 16);
                    self.memory = self.memory.saturating_add(bytes);
                }
                if self.memory > limits::MEMORY as u64 {
                    let most = limits::MEMORY >> 20;
                    return Err(format!("starts with more than {most} MiB of memory"));
                }
            }
            Payload::TableSection(section) => {
                self.module_parts(section.count())?;
                for table in section.clone().into_iter().flatten() {
                    self.elements(table.ty.initial)?;
                }
            }
            Payload::ElementSection(section) => {
                self.module_parts(section.count())?;
                for element in section.clone().into_iter().flatten() {
                    self.elements(match element.items {
                        ElementItems::Functions(items) => items.count().into(),
                        ElementItems::Expressions(_, items) => items.count().into(),
                    })?;
                }
            }
            Payload::FunctionSection(section) => {
                self.functions += u64::from(section.count());
                at_most(self.functions, limits::FUNCTIONS, "functions")?;
            }
            Payload::CodeSectionEntry(body) => self.function(body)?,
            _ => {}
        }
        Ok(())
    }

    /// So many things of the component that is being read, each of which has
    /// that many parts.
    fn parts(&mut self, count: u32, each: u64) -> Result<(), String> {
        let Some(parts) = self.open.last_mut() else {
            return Ok(());
        };
        *parts = parts.saturating_add(u64::from(count).saturating_mul(each));
        at_most(*parts, limits::PARTS, "parts")
    }

    fn module_parts(&mut self, count: u32) -> Result<(), String> {
        self.module_parts += u64::from(count);
        at_most(
            self.module_parts,
            limits::MODULE_PARTS,
            "parts in its modules",
        )
    }

    fn elements(&mut self, count: u64) -> Result<(), String> {
        self.table_elements = self.table_elements.saturating_add(count);
        let most = limits::TABLE_ELEMENTS as u64;
        at_most(self.table_elements, most, "elements of tables")
    }

    fn function(&mut self, body: &FunctionBody<'_>) -> Result<(), String> {
        if body.range().len() > limits::FUNCTION {
            let most = limits::FUNCTION;
            return Err(format!("has a function of more than {most} bytes"));
        }
        let Ok(locals) = body.get_locals_reader() else {
            return Ok(());
        };
        let runs = locals.into_iter().flatten();
        let locals: u64 = runs.map(|(count, _)| u64::from(count)).sum();
        if locals > limits::FUNCTION_LOCALS {
            let most = limits::FUNCTION_LOCALS;
            return Err(format!("has a function of more than {most} variables"));
        }
        self.locals += locals;
        at_most(self.locals, limits::LOCALS, "variables in its functions")
    }
}

fn at_most(count: u64, most: u64, what: &str) -> Result<(), String> {
    if count > most {
        return Err(format!("has more than {most} {what}"));
    }
    Ok(())
}
