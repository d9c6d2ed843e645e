//! A list that knows which of its items were changed, so that an input costs what it changes and not
//! what there is. Whoever takes an item mutably marks it; so nobody can forget to.

use std::collections::BTreeSet;
use std::ops::Deref;

/// A list and the places of those items that changed.
#[derive(Clone, Debug)]
pub(crate) struct Watched<T> {
    items: Vec<T>,
    /// Changed since they were evaluated last.
    to_settle: BTreeSet<usize>,
    /// Changed since their timers were set last.
    to_index: BTreeSet<usize>,
}

impl<T> Watched<T> {
    /// All of them count as changed.
    pub(crate) fn new(items: Vec<T>) -> Self {
        let mut new = Self {
            items,
            to_settle: BTreeSet::new(),
            to_index: BTreeSet::new(),
        };
        new.mark_all();
        new
    }

    /// One item; it counts as changed from now on.
    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.mark(at);
        self.items.get_mut(at)
    }

    /// All items; all of them count as changed from now on.
    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.mark_all();
        self.items.iter_mut()
    }

    /// All items; all of them count as changed from now on.
    pub(crate) fn all_mut(&mut self) -> &mut [T] {
        self.mark_all();
        &mut self.items
    }

    /// One item that is being evaluated: only its timers have to be set anew.
    pub(crate) fn settling(&mut self, at: usize) -> Option<&mut T> {
        self.to_index.insert(at);
        self.items.get_mut(at)
    }

    /// Says that something changed that this item depends on.
    pub(crate) fn mark(&mut self, at: usize) {
        if at < self.items.len() {
            self.to_settle.insert(at);
            self.to_index.insert(at);
        }
    }

    /// Says that something changed that every item depends on.
    pub(crate) fn mark_all(&mut self) {
        self.to_settle.extend(0..self.items.len());
        self.to_index.extend(0..self.items.len());
    }

    /// Which are to be evaluated, in order; they count as evaluated now.
    pub(crate) fn take_to_settle(&mut self) -> BTreeSet<usize> {
        std::mem::take(&mut self.to_settle)
    }

    /// The same, without taking them.
    pub(crate) fn to_settle(&self) -> &BTreeSet<usize> {
        &self.to_settle
    }

    /// The timers of which are to be set anew, in order; they count as set now.
    pub(crate) fn take_to_index(&mut self) -> BTreeSet<usize> {
        std::mem::take(&mut self.to_index)
    }
}

impl<T> Deref for Watched<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<'a, T> IntoIterator for &'a mut Watched<T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<'a, T> IntoIterator for &'a Watched<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_mutably_counts_as_changed() {
        let mut list = Watched::new(vec!['a', 'b', 'c']);
        assert_eq!(list.take_to_settle().len(), 3, "all are new");
        assert!(list.take_to_settle().is_empty());
        list.get_mut(1);
        list.get_mut(9);
        assert_eq!(list.take_to_settle(), BTreeSet::from([1]));
        assert_eq!(list.iter_mut().count(), 3);
        assert_eq!(list.take_to_settle().len(), 3);
    }

    #[test]
    fn what_is_being_evaluated_needs_new_timers_alone() {
        let mut list = Watched::new(vec!['a', 'b', 'c']);
        list.take_to_settle();
        list.take_to_index();
        list.settling(2);
        assert!(list.to_settle().is_empty());
        assert_eq!(list.take_to_index(), BTreeSet::from([2]));
    }
}
