//! One run of a command: the plugins with where they come from, and what the
//! user is to be told on the side.

use std::path::PathBuf;

use waitfor_registry::store::Held;
use waitfor_registry::{Location, Locked, Name, Project, Standing, Supply, Version};

use crate::catalogue::{Catalogue, said_of};
use crate::cli::SupplyOptions;
use crate::error::{Error, Result};
use crate::report::{self, Format, Notice, OutputSettings};

/// One run of a command.
pub(super) struct Session {
    pub(super) catalogue: Catalogue,
    notices: Vec<Notice>,
    /// Keeps the garbage collection waiting between a download and the lock
    /// that will count on it.
    held: Option<Held>,
}

impl Session {
    pub(super) fn open(options: &SupplyOptions) -> Result<Self> {
        Ok(Self {
            catalogue: Catalogue::open(options)?,
            notices: Vec::new(),
            held: None,
        })
    }

    /// Where the plugins come from.
    pub(super) fn supply(&self) -> &Supply {
        self.catalogue.supply()
    }

    pub(super) fn warn(&mut self, text: String) {
        self.say(Notice::Warning(text));
    }

    pub(super) fn note(&mut self, text: String) {
        self.say(Notice::Note(text));
    }

    fn say(&mut self, notice: Notice) {
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }

    /// Warns where a version does not stand well.
    pub(super) fn warn_of(&mut self, name: &Name, version: &Version, standing: &Standing) {
        if let Some(said) = said_of(name, version, standing) {
            self.warn(said);
        }
    }

    /// Tells all of that, on standard error.
    pub(super) fn tell(&self, output: &OutputSettings) {
        let text = OutputSettings {
            format: Format::Text,
            ..output.clone()
        };
        let mut reporter = report::reporter(&text);
        for notice in self.notices.iter().chain(&self.catalogue.details()) {
            reporter.notice(notice);
        }
    }

    /// Whether a command may change `file`, which `--locked` forbids.
    ///
    /// # Errors
    /// [`Exit::Usage`](crate::exit::Exit::Usage) with `--locked`.
    pub(super) fn may_write(&self, command: &str, file: &str) -> Result<()> {
        if !self.supply().options().locked {
            return Ok(());
        }
        Err(Error::usage(format!(
            "`plugin {command}` changes {file}, and --locked forbids that"
        ))
        .hint("leave --locked and --frozen away, also as WAITFOR_LOCKED and WAITFOR_FROZEN"))
    }

    /// The project of a command that makes no sense without a lock.
    ///
    /// # Errors
    /// Where there is no lock, and, with `--locked`, where it does not fit.
    pub(super) fn locked_project(&self) -> Result<&Project> {
        self.supply().check_locked()?;
        match self.supply().project() {
            Some(project) if project.lock.is_some() => Ok(project),
            Some(project) => Err(Error::usage(format!(
                "there is no lock: {} is missing",
                shown(project.lock_path().to_owned())
            ))
            .hint(if project.has_config() {
                "`waitfor plugin lock` writes it"
            } else {
                "`waitfor plugin add NAME` writes it"
            })),
            None => Err(Error::usage(
                "there is no waitfor.lock, neither here nor in a folder above",
            )
            .hint("`waitfor plugin add NAME` writes it")),
        }
    }

    /// Keeps what is downloaded from now on until the end of the command.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub(super) fn hold_store(&mut self) -> Result<()> {
        if self.held.is_none() {
            self.held = Some(self.supply().store()?.hold()?);
        }
        Ok(())
    }

    /// Changes the project on disk, and lets the store know of the lock.
    ///
    /// # Errors
    /// Where a file cannot be read, used or written.
    pub(super) fn commit(
        &mut self,
        change: impl FnOnce(&mut Project) -> waitfor_registry::Result<()>,
    ) -> Result<()> {
        self.catalogue
            .supply_mut()
            .project_mut()?
            .edit::<(), waitfor_registry::Error>(change)?;
        self.count_on_lock()
    }

    /// Lets the store know of the lock, where something was put into it.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub(super) fn count_on_lock(&self) -> Result<()> {
        match self.supply().project() {
            Some(project) if self.held.is_some() && project.lock.is_some() => {
                Ok(self.supply().store()?.count_on(project.lock_path())?)
            }
            _ => Ok(()),
        }
    }

    /// What else answers to a plugin's schemes: such URLs go there.
    pub(super) fn warn_of_clashes(&mut self, locked: &Locked) -> Result<()> {
        let official = self.supply().official()?;
        let official = official
            .iter()
            .map(|one| (&one.name, &one.schemes, Location::Official));
        let others: Vec<Locked> = self.supply().all_locked().cloned().collect();
        let others = others
            .iter()
            .map(|one| (&one.name, &one.schemes, one.registry.clone()));
        let mut warnings = Vec::new();
        for (name, schemes, registry) in official.chain(others) {
            if *name == locked.name {
                continue;
            }
            let what = match registry {
                Location::Official => "the official probe",
                _ => "the locked plugin",
            };
            for scheme in schemes.iter().filter(|one| locked.schemes.contains(one)) {
                warnings.push(format!(
                    "{what} {name} answers to {scheme}:// too: give `--plugin {}` where {} is meant",
                    locked.name, locked.name
                ));
            }
        }
        for warning in warnings {
            self.warn(warning);
        }
        Ok(())
    }
}

/// A path for a message.
pub(super) fn shown(path: PathBuf) -> String {
    format!("`{}`", path.display())
}
