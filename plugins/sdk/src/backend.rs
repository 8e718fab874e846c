//! What a probe runs on: the contract's imports as traits, implemented by the
//! component's host calls and by the native backend of the unit tests.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::connection::TlsOptions;
use crate::params::Secret;
use crate::verdict::Fault;

/// The contract's `params`, `entropy`, `report` and `net.discover`.
pub trait Host {
    /// The values of a parameter that is not secret, in canonical form.
    fn values(&self, name: &str) -> Vec<String>;

    /// The values of a secret parameter.
    fn secrets(&self, name: &str) -> Vec<Secret>;

    /// An endpoint that the peer pointed to.
    ///
    /// # Errors
    /// `policy-denied` unless the user allowed the address.
    fn discover(&self, host: &str, port: u16) -> Result<Box<dyn Target>, Fault>;

    /// Unpredictable bytes.
    fn entropy(&self, len: u32) -> Vec<u8>;

    /// The step that the attempt has reached.
    fn stage(&self, name: &str);

    /// A line for whoever asked for details.
    fn log(&self, level: &str, text: &str);
}

/// The contract's `endpoint`.
pub trait Target {
    /// The address for messages.
    fn label(&self) -> String;
    /// The URL scheme in force.
    fn scheme(&self) -> String;
    /// The host; none for a UNIX socket.
    fn host(&self) -> Option<String>;
    /// The port; none for a UNIX socket.
    fn port(&self) -> Option<u16>;
    /// Opens a byte stream.
    ///
    /// # Errors
    /// Why no connection could be made.
    fn connect(&self) -> Result<Box<dyn Stream>, Fault>;
}

/// The contract's `connection`.
pub trait Stream {
    /// Between one byte and `max` bytes; none at the end of the stream.
    ///
    /// # Errors
    /// Why nothing could be read.
    fn read(&mut self, max: u32) -> Result<Vec<u8>, Fault>;

    /// Writes all of it.
    ///
    /// # Errors
    /// Why not all could be written.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault>;

    /// Turns the stream into a TLS stream.
    ///
    /// # Errors
    /// Why the handshake failed.
    fn start_tls(&mut self, options: &TlsOptions) -> Result<(), Fault>;

    /// Bounds each later call, in milliseconds; zero takes the bound back.
    fn limit(&mut self, each_call: u32);
}
