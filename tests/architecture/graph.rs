//! Who imports whom: every path in the sources, followed through `use`, `super`, aliases, globs and
//! re-exports to the file that defines the item. An import by way of a re-export counts as one of the file
//! behind it; the item's own visibility is the compiler's business.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Item, UseTree};

use crate::sources::{Crate, ModulePath, attributes, for_tests};

/// How many re-exports and globs are followed before it is a circle.
const DEEPEST: usize = 16;

/// One file's use of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) from: String,
    pub(crate) to: String,
    /// As it is written.
    path: String,
}

impl Import {
    /// Whether both files are among these.
    pub(crate) fn within(&self, files: &BTreeSet<String>) -> bool {
        files.contains(&self.from) && files.contains(&self.to)
    }
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} imports {} ({})", self.from, self.to, self.path)
    }
}

/// All imports between files, and all paths that lead out of the crate.
pub(crate) struct Graph {
    imports: BTreeSet<Import>,
    outside: BTreeSet<(String, String)>,
    riddles: Vec<String>,
}

/// What a module knows by name.
#[derive(Default)]
struct Module {
    file: String,
    items: BTreeSet<String>,
    /// Each `use` by the name that it gives.
    uses: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    /// Every path that is written in it, with whether it is a `use`.
    paths: BTreeSet<(Vec<String>, bool)>,
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Module(ModulePath),
    /// An item of that module.
    Item(ModulePath),
    Outside(Vec<String>),
    Nothing,
}

impl Graph {
    pub(crate) fn of(sources: &Crate) -> Self {
        let mut modules = Modules(BTreeMap::new());
        for (file, items) in sources.parsed() {
            let path = match file {
                "lib" => Vec::new(),
                _ => file.split('/').map(str::to_owned).collect(),
            };
            modules.collect(file, path, items);
        }
        modules.graph()
    }

    pub(crate) fn imports(&self) -> impl Iterator<Item = &Import> {
        self.imports.iter()
    }

    /// Each file with a path that leads out of the crate.
    pub(crate) fn outside(&self) -> impl Iterator<Item = (&str, &str)> {
        self.outside.iter().map(|(file, path)| (&file[..], &path[..]))
    }

    /// Paths from the crate's root that lead nowhere.
    pub(crate) fn riddles(&self) -> &[String] {
        &self.riddles
    }

    /// The sets of files that import each other, directly or around a corner.
    pub(crate) fn circles(&self) -> Vec<BTreeSet<String>> {
        let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for import in &self.imports {
            next.entry(&import.from).or_default().insert(&import.to);
        }
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            next.keys().map(|file| (*file, reached(file, &next))).collect();
        let mut circles: Vec<BTreeSet<String>> = Vec::new();
        for (file, there) in &reached {
            let back = |other: &&&str| reached.get(**other).is_some_and(|there| there.contains(file));
            let circle: BTreeSet<_> = there.iter().filter(back).map(|&name| name.to_owned()).collect();
            if circle.len() > 1 && !circles.contains(&circle) {
                circles.push(circle);
            }
        }
        circles
    }
}

/// All that a file imports, directly or around a corner.
fn reached<'a>(file: &str, next: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![file];
    while let Some(file) = open.pop() {
        for &other in next.get(file).into_iter().flatten() {
            if found.insert(other) {
                open.push(other);
            }
        }
    }
    found
}

struct Modules(BTreeMap<ModulePath, Module>);

impl Modules {
    fn collect(&mut self, file: &str, path: ModulePath, items: &[Item]) {
        let mut module = Module {
            file: file.to_owned(),
            ..Module::default()
        };
        for item in items.iter().filter(|item| !for_tests(attributes(item))) {
            if let Item::Mod(child) = item {
                if let Some((_, items)) = &child.content {
                    let mut path = path.clone();
                    path.push(child.ident.to_string());
                    self.collect(file, path, items);
                }
                continue;
            }
            module.items.extend(name_of(item));
            module.visit_item(item);
        }
        self.0.insert(path, module);
    }

    fn graph(&self) -> Graph {
        let mut graph = Graph {
            imports: BTreeSet::new(),
            outside: BTreeSet::new(),
            riddles: Vec::new(),
        };
        for (place, module) in &self.0 {
            for (path, is_use) in &module.paths {
                let written = path.join("::");
                match self.find(place, path, DEEPEST) {
                    Found::Module(other) | Found::Item(other) => {
                        let to = &self.0[&other].file;
                        if *to != module.file && to != "lib" {
                            graph.imports.insert(Import {
                                from: module.file.clone(),
                                to: to.clone(),
                                path: written,
                            });
                        }
                    }
                    Found::Outside(path) => {
                        graph.outside.insert((module.file.clone(), path.join("::")));
                    }
                    Found::Nothing if *is_use || path[0] == "crate" => {
                        graph
                            .riddles
                            .push(format!("{}: {written} leads nowhere", module.file));
                    }
                    // A variable's field in a macro, a type parameter's item.
                    Found::Nothing => {}
                }
            }
        }
        graph
    }

    /// Where a path leads that is written in the module at `place`.
    fn find(&self, place: &[String], path: &[String], depth: usize) -> Found {
        let Some((first, rest)) = path.split_first() else {
            return Found::Module(place.to_vec());
        };
        match first.as_str() {
            "crate" => self.below(&[], rest, depth),
            "falconer" if place.first().is_some_and(|first| first == "main") => self.below(&[], rest, depth),
            "self" => self.below(place, rest, depth),
            "super" => self.below(&place[..place.len().saturating_sub(1)], rest, depth),
            _ => match self.below(place, path, depth) {
                Found::Nothing if is_a_crate(first) => Found::Outside(path.to_vec()),
                found => found,
            },
        }
    }

    /// Where a path leads from the module at `place`.
    fn below(&self, place: &[String], path: &[String], depth: usize) -> Found {
        let (Some(module), true) = (self.0.get(place), depth > 0) else {
            return Found::Nothing;
        };
        let Some((first, rest)) = path.split_first() else {
            return Found::Module(place.to_vec());
        };
        if first == "super" {
            return self.find(place, path, depth);
        }
        let child = [place, std::slice::from_ref(first)].concat();
        if self.0.contains_key(&child) {
            return self.below(&child, rest, depth);
        }
        if module.items.contains(first) {
            return Found::Item(place.to_vec());
        }
        if let Some(target) = module.uses.get(first) {
            return self.find(place, &[target, rest].concat(), depth - 1);
        }
        let globs = module.globs.iter().map(|glob| [glob, path].concat());
        let mut found = globs.map(|path| self.find(place, &path, depth - 1));
        found
            .find(|found| matches!(found, Found::Module(_) | Found::Item(_)))
            .unwrap_or(Found::Nothing)
    }
}

/// Whether a path that begins like this leads out of the crate.
fn is_a_crate(first: &str) -> bool {
    first.starts_with(|c: char| c.is_ascii_lowercase())
}

/// What an item is called in its module.
fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

impl Module {
    fn use_tree(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: &dyn ToString| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.use_tree(&path.tree, &with(&path.ident)),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.use_tree(tree, before)),
            UseTree::Name(name) if name.ident == "self" => {
                let alias = before.last().cloned().unwrap_or_default();
                self.used(alias, before.to_vec());
            }
            UseTree::Name(name) => self.used(name.ident.to_string(), with(&name.ident)),
            UseTree::Rename(rename) if rename.ident == "self" => {
                self.used(rename.rename.to_string(), before.to_vec());
            }
            UseTree::Rename(rename) => self.used(rename.rename.to_string(), with(&rename.ident)),
            UseTree::Glob(_) => {
                self.paths.insert((before.to_vec(), true));
                self.globs.push(before.to_vec());
            }
        }
    }

    fn used(&mut self, alias: String, path: Vec<String>) {
        self.paths.insert((path.clone(), true));
        // `use serde_json;` names itself: following it would never end.
        if path != [alias.clone()] {
            self.uses.insert(alias, path);
        }
    }

    /// The paths in what a macro is given, or an attribute: two names at least, as one alone is known by a
    /// `use`, which counts already.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.end_of(&mut path);
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Punct(_) => self.end_of(&mut path),
                TokenTree::Group(group) => {
                    self.end_of(&mut path);
                    self.tokens(group.stream());
                }
                // serde(with = "crate::model::millis")
                TokenTree::Literal(literal) => {
                    self.end_of(&mut path);
                    let text = literal.to_string();
                    if let Ok(path) = syn::parse_str::<syn::Path>(text.trim_matches('"')) {
                        self.visit_path(&path);
                    }
                }
            }
        }
        self.end_of(&mut path);
    }

    fn end_of(&mut self, path: &mut Vec<String>) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.paths.insert((path, false));
        }
    }
}

impl<'ast> Visit<'ast> for Module {
    fn visit_item(&mut self, item: &'ast Item) {
        if !for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !for_tests(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.use_tree(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<_> = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        if names.len() > 1 {
            self.paths.insert((names, false));
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.tokens(called.tokens.clone());
        visit::visit_macro(self, called);
    }

    fn visit_meta_list(&mut self, list: &'ast syn::MetaList) {
        self.tokens(list.tokens.clone());
        visit::visit_meta_list(self, list);
    }
}
