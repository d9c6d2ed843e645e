//! The sources of the crate, parsed, without what only tests compile: the files are found as the compiler
//! finds them, from `lib.rs` and `main.rs` down by their `mod` lines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Item};

/// A module's path from the crate's root, such as `["bird", "parse"]`; `main.rs` is `["main"]`.
pub(crate) type ModulePath = Vec<String>;

/// A file of the crate.
struct File {
    text: String,
    syntax: syn::File,
}

/// All files that the product is made of, by module: "bird/parse" is src/bird/parse.rs.
pub(crate) struct Crate(BTreeMap<String, File>);

/// A function, and how long it is.
pub(crate) struct Function {
    /// With the file's, such as "daemon: wire".
    pub(crate) name: String,
    /// Between its braces, without comments and empty lines, as clippy counts them.
    pub(crate) lines: usize,
}

impl Crate {
    pub(crate) fn read() -> Self {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = BTreeMap::new();
        read(&src, "main", &mut files);
        let root = parse(&src.join("lib.rs"));
        for child in children(&root.syntax.items) {
            read(&src, &child, &mut files);
        }
        files.insert("lib".to_owned(), root);
        assert!(files.len() > 100, "most of the sources were not found");
        Self(files)
    }

    /// The files' modules, without lib.rs, which only lists the rooms.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str).filter(|file| *file != "lib")
    }

    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(file, source)| (&file[..], &source.text[..]))
    }

    /// Each file with its items.
    pub(crate) fn parsed(&self) -> impl Iterator<Item = (&str, &[Item])> {
        self.0
            .iter()
            .map(|(file, source)| (&file[..], &source.syntax.items[..]))
    }

    /// The names of the types, with the file of each.
    pub(crate) fn types(&self) -> impl Iterator<Item = (&str, String)> {
        self.parsed().flat_map(|(file, items)| {
            let mut types = Types(Vec::new());
            items.iter().for_each(|item| types.visit_item(item));
            types.0.into_iter().map(move |name| (file, name))
        })
    }

    pub(crate) fn functions(&self) -> impl Iterator<Item = Function> {
        self.0.iter().flat_map(|(file, source)| {
            let mut functions = Functions {
                file,
                text: source.text.lines().collect(),
                found: Vec::new(),
            };
            functions.visit_file(&source.syntax);
            functions.found
        })
    }
}

fn read(src: &Path, file: &str, files: &mut BTreeMap<String, File>) {
    let source = parse(&path(src, file));
    for child in children(&source.syntax.items) {
        read(src, &format!("{file}/{child}"), files);
    }
    files.insert(file.to_owned(), source);
}

fn path(src: &Path, file: &str) -> PathBuf {
    src.join(file).with_extension("rs")
}

fn parse(path: &Path) -> File {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    File { text, syntax }
}

/// The names of the modules in files of their own.
fn children(items: &[Item]) -> Vec<String> {
    let named = items.iter().filter_map(|item| match item {
        Item::Mod(module) if module.content.is_none() && !for_tests(&module.attrs) => {
            assert!(
                !module
                    .attrs
                    .iter()
                    .any(|attribute| attribute.path().is_ident("path")),
                "a module's file is where its name says"
            );
            Some(module.ident.to_string())
        }
        _ => None,
    });
    named.collect()
}

/// Whether only tests compile it.
pub(crate) fn for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute
                    .parse_args::<syn::Path>()
                    .is_ok_and(|condition| condition.is_ident("test"))
    })
}

/// An item's attributes, where it can be left out of the product.
pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

struct Types(Vec<String>);

impl<'ast> Visit<'ast> for Types {
    fn visit_item(&mut self, item: &'ast Item) {
        if for_tests(attributes(item)) {
            return;
        }
        match item {
            Item::Enum(item) => self.0.push(item.ident.to_string()),
            Item::Struct(item) => self.0.push(item.ident.to_string()),
            Item::Trait(item) => self.0.push(item.ident.to_string()),
            Item::Type(item) => self.0.push(item.ident.to_string()),
            Item::Union(item) => self.0.push(item.ident.to_string()),
            _ => {}
        }
        visit::visit_item(self, item);
    }
}

struct Functions<'a> {
    file: &'a str,
    text: Vec<&'a str>,
    found: Vec<Function>,
}

impl Functions<'_> {
    fn push(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let (first, last) = (body.span().start().line, body.span().end().line);
        // Between the lines of the braces.
        let between = self.text.get(first..last - 1).unwrap_or_default();
        let lines = between.iter().map(|line| line.trim_start());
        self.found.push(Function {
            name: format!("{}: {}", self.file, signature.ident),
            lines: lines
                .filter(|line| !line.is_empty() && !line.starts_with("//"))
                .count(),
        });
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.push(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.push(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.push(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}
