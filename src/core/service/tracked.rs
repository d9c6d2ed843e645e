//! A value that knows whether somebody had it in hand to change it.

use std::ops::{Deref, DerefMut};

/// A value, and whether it may have changed.
#[derive(Clone, Debug)]
pub(crate) struct Tracked<T> {
    value: T,
    changed: bool,
}

impl<T> Tracked<T> {
    /// It counts as changed: nobody has seen it yet.
    pub(crate) fn new(value: T) -> Self {
        Self { value, changed: true }
    }

    /// Whether it may have changed since the last call.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }
}

impl<T> Deref for Tracked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Tracked<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.changed = true;
        &mut self.value
    }
}
