//! The modules of a crate, and where a path leads from one of them.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};
use syn::{Attribute, Expr, Item, Lit, Meta, UseTree};

use crate::tree::File;

/// What one root file and the modules below it hold, without tests.
#[derive(Default)]
pub(crate) struct Crate {
    /// The root comes first.
    pub(crate) modules: Vec<Module>,
}

/// A module in a file of its own, or one within a file.
pub(crate) struct Module {
    /// Path below the workspace.
    pub(crate) file: String,
    /// What it holds but for modules.
    pub(crate) items: Vec<Item>,
    at: usize,
    parent: usize,
    names: BTreeMap<String, Vec<Named>>,
    /// The paths of `use …::*`.
    globs: Vec<Vec<String>>,
}

/// What a name in a module stands for.
enum Named {
    /// An item of the module with this number.
    Item(usize),
    /// The module with this number.
    Module(usize),
    /// What an import says.
    Import(Vec<String>),
}

/// Where a path leads.
enum Target {
    /// To an item in the module with this number, and its name there.
    Item(usize, String),
    Module(usize),
}

/// One name that an import brings, with its path.
pub(crate) struct Leaf {
    pub(crate) path: Vec<String>,
    /// Nothing for `as _`.
    name: Option<String>,
    all: bool,
}

impl Crate {
    /// Reads the root file and, over its `mod` lines, every file below it.
    pub(crate) fn read(root: &str, files: &[File]) -> Self {
        let mut whole = Self::default();
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        whole.read_file(root, folder, 0, files);
        whole
    }

    /// The files that define what `path` names, said in this module, and its name there.
    pub(crate) fn files_of(&self, module: &Module, path: &[String]) -> Vec<(&str, String)> {
        let targets = self.follow(module.at, path, &mut Vec::new());
        let items = targets.into_iter().filter_map(|target| match target {
            Target::Item(at, name) => Some((self.modules[at].file.as_str(), name)),
            Target::Module(_) => None,
        });
        items.collect()
    }

    fn read_file(&mut self, path: &str, folder: &str, parent: usize, files: &[File]) {
        let Some(file) = files.iter().find(|file| file.path == path) else { return };
        let parsed = syn::parse_file(&file.text);
        let parsed = parsed.unwrap_or_else(|error| panic!("{path} is not Rust: {error}"));
        self.add(path, folder, parent, parsed.items, files);
    }

    /// Adds a module whose children have their files in `folder`; gives its number.
    fn add(
        &mut self,
        path: &str,
        folder: &str,
        parent: usize,
        items: Vec<Item>,
        files: &[File],
    ) -> usize {
        let at = self.modules.len();
        let kept = items.into_iter().filter(|item| !attributes(item).is_some_and(is_test));
        let (children, items): (Vec<_>, Vec<_>) =
            kept.partition(|item| matches!(item, Item::Mod(_)));
        let (file, names, globs) = (path.to_owned(), BTreeMap::new(), Vec::new());
        self.modules.push(Module { file, items: Vec::new(), at, parent, names, globs });
        for item in &items {
            self.name_item(at, item);
        }
        for child in children {
            let Item::Mod(child) = child else { continue };
            let name = child.ident.to_string();
            let number = self.modules.len();
            let below = format!("{folder}/{name}");
            match (child.content, path_attribute(&child.attrs)) {
                (Some((_, items)), _) => {
                    self.add(path, &below, at, items, files);
                }
                (None, Some(own)) => {
                    let beside = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                    self.read_file(&format!("{beside}/{own}"), &below, at, files);
                }
                (None, None) => {
                    for file in [format!("{below}.rs"), format!("{below}/mod.rs")] {
                        self.read_file(&file, &below, at, files);
                    }
                }
            }
            if number < self.modules.len() {
                self.name(at, name, Named::Module(number));
            }
        }
        self.modules[at].items = items;
        at
    }

    fn name_item(&mut self, at: usize, item: &Item) {
        let mut imports = Imports::default();
        imports.visit_item(item);
        for leaf in imports.0 {
            match leaf.name {
                _ if leaf.all => self.modules[at].globs.push(leaf.path),
                Some(name) => self.name(at, name, Named::Import(leaf.path)),
                None => {}
            }
        }
        let Some(name) = name_of(item) else { return };
        self.name(at, name.clone(), Named::Item(at));
        if attributes(item).is_some_and(|all| all.iter().any(|a| a.path().is_ident("macro_export")))
            && at != 0
        {
            self.name(0, name, Named::Item(at));
        }
    }

    fn name(&mut self, at: usize, name: String, named: Named) {
        self.modules[at].names.entry(name).or_default().push(named);
    }

    /// Where a path leads that is said in the module `at`; nowhere when it leaves the crate.
    fn follow(
        &self,
        at: usize,
        path: &[String],
        under_way: &mut Vec<(usize, Vec<String>)>,
    ) -> Vec<Target> {
        let (mut from, mut rest, mut is_ours) = (at, path, false);
        while let [first, after @ ..] = rest {
            from = match first.as_str() {
                "crate" => 0,
                "self" => from,
                "super" => self.modules[from].parent,
                _ => break,
            };
            (rest, is_ours) = (after, true);
        }
        self.within(from, rest, is_ours, under_way)
    }

    /// Where a path leads that begins with a name of the module `at`.
    fn within(
        &self,
        at: usize,
        path: &[String],
        is_ours: bool,
        under_way: &mut Vec<(usize, Vec<String>)>,
    ) -> Vec<Target> {
        let Some(first) = path.first() else { return vec![Target::Module(at)] };
        let step = (at, path.to_vec());
        if under_way.contains(&step) {
            return Vec::new();
        }
        under_way.push(step);
        let found = match self.modules[at].names.get(first) {
            Some(named) => self.named(at, named, path, under_way),
            None => {
                let found = self.behind_globs(at, path, under_way);
                // A name that no line says is made by a macro of the module.
                let made = found.is_empty() && is_ours && self.modules[at].globs.is_empty();
                if made { vec![Target::Item(at, first.clone())] } else { found }
            }
        };
        under_way.pop();
        found
    }

    fn named(
        &self,
        at: usize,
        named: &[Named],
        path: &[String],
        under_way: &mut Vec<(usize, Vec<String>)>,
    ) -> Vec<Target> {
        let [first, rest @ ..] = path else { return Vec::new() };
        let mut targets = Vec::new();
        for named in named {
            match named {
                Named::Item(home) => targets.push(Target::Item(*home, first.clone())),
                Named::Module(child) => targets.push(Target::Module(*child)),
                Named::Import(path) => targets.extend(self.follow(at, path, under_way)),
            }
        }
        if rest.is_empty() {
            return targets;
        }
        // A function may be named like a module; only the module has names below it.
        let modules: Vec<_> = targets
            .iter()
            .filter_map(|target| match target {
                Target::Module(at) => Some(*at),
                Target::Item(..) => None,
            })
            .collect();
        if modules.is_empty() {
            return targets;
        }
        modules.into_iter().flat_map(|at| self.within(at, rest, true, under_way)).collect()
    }

    fn behind_globs(
        &self,
        at: usize,
        path: &[String],
        under_way: &mut Vec<(usize, Vec<String>)>,
    ) -> Vec<Target> {
        let mut found = Vec::new();
        for glob in &self.modules[at].globs {
            for target in self.follow(at, glob, under_way) {
                if let Target::Module(module) = target
                    && self.modules[module].has(&path[0])
                {
                    found.extend(self.within(module, path, true, under_way));
                }
            }
        }
        found
    }
}

impl Module {
    fn has(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }
}

/// The names that one import brings.
pub(crate) fn leaves(item: &syn::ItemUse) -> Vec<Leaf> {
    let mut found = Vec::new();
    if item.leading_colon.is_none() {
        gather(&item.tree, &[], &mut found);
    }
    found
}

fn gather(tree: &UseTree, before: &[String], found: &mut Vec<Leaf>) {
    let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
    match tree {
        UseTree::Path(part) => gather(&part.tree, &with(&part.ident), found),
        UseTree::Group(group) => group.items.iter().for_each(|tree| gather(tree, before, found)),
        UseTree::Glob(_) => found.push(Leaf { path: before.to_vec(), name: None, all: true }),
        UseTree::Name(part) if part.ident == "self" => {
            found.push(Leaf { path: before.to_vec(), name: before.last().cloned(), all: false });
        }
        UseTree::Name(part) => {
            let name = part.ident.to_string();
            found.push(Leaf { path: with(&part.ident), name: Some(name), all: false });
        }
        UseTree::Rename(part) => {
            let path = if part.ident == "self" { before.to_vec() } else { with(&part.ident) };
            let name = part.rename.to_string();
            found.push(Leaf { path, name: (name != "_").then_some(name), all: false });
        }
    }
}

/// The imports of an item, those within its functions as well.
#[derive(Default)]
struct Imports(Vec<Leaf>);

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.0.extend(leaves(item));
    }

    fn visit_impl_item_fn(&mut self, method: &'ast syn::ImplItemFn) {
        if !is_test(&method.attrs) {
            visit::visit_impl_item_fn(self, method);
        }
    }
}

/// Whether something is there for tests alone.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            let mut words = condition.split(|c: char| !c.is_alphanumeric() && c != '_');
            condition == "test"
                || (condition.starts_with("all") && words.any(|word| word == "test"))
        }
        meta => meta.path().is_ident("test"),
    })
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    })
}

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

fn attributes(item: &Item) -> Option<&[Attribute]> {
    Some(match item {
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
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => return None,
    })
}
