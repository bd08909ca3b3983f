//! Which file of a crate uses a name that another one defines.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use crate::circles::Arrows;
use crate::modules::{Crate, Module, is_test, leaves};
use crate::tree::File;

/// The arrows between the files of the crate in the folder `home`.
pub(crate) fn arrows(home: &str, files: &[File]) -> Arrows {
    let mut arrows = Arrows::new();
    for root in roots(home, files) {
        let whole = Crate::read(&root, files);
        for module in &whole.modules {
            let mut uses = Uses { whole: &whole, module, arrows: &mut arrows };
            module.items.iter().for_each(|item| uses.visit_item(item));
        }
    }
    arrows
}

/// The files at which the library and the programs of a crate begin.
fn roots(home: &str, files: &[File]) -> Vec<String> {
    let manifest = files.iter().find(|file| file.path == format!("{home}/Cargo.toml"));
    let lines = manifest.into_iter().flat_map(|file| file.text.lines());
    let named = lines.filter_map(|line| line.trim().strip_prefix("path = \"")?.strip_suffix('"'));
    let mut roots: Vec<_> = ["src/lib.rs", "src/main.rs"]
        .into_iter()
        .chain(named)
        .map(|below| format!("{home}/{below}"))
        .filter(|root| files.iter().any(|file| file.path == *root))
        .collect();
    roots.sort();
    roots.dedup();
    roots
}

/// Every name that the text of one module says, followed to its file.
struct Uses<'a> {
    whole: &'a Crate,
    module: &'a Module,
    arrows: &'a mut Arrows,
}

impl Uses<'_> {
    fn uses(&mut self, path: &[String]) {
        let found = self.whole.files_of(self.module, path).into_iter();
        for (file, name) in found.filter(|(file, _)| *file != self.module.file) {
            let targets = self.arrows.entry(self.module.file.clone()).or_default();
            targets.entry(file.to_owned()).or_default().insert(name);
        }
    }

    /// The paths in the tokens of a macro, whose grammar is its own.
    fn in_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let (mut colons, mut after_dot) = (0, false);
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons < 2 {
                        self.uses(&std::mem::take(&mut path));
                    }
                    if !after_dot {
                        path.push(name.to_string());
                    }
                    (colons, after_dot) = (0, false);
                }
                TokenTree::Punct(sign) if sign.as_char() == ':' => colons += 1,
                other => {
                    self.uses(&std::mem::take(&mut path));
                    (colons, after_dot) = (0, is_dot(&other));
                    if let TokenTree::Group(group) = other {
                        self.in_tokens(group.stream());
                    }
                }
            }
        }
        self.uses(&path);
    }
}

fn is_dot(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(sign) if sign.as_char() == '.')
}

impl<'ast> Visit<'ast> for Uses<'_> {
    /// A name that is given on is not used; where it is also used, its path says so.
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if matches!(item.vis, syn::Visibility::Inherited) {
            leaves(item).iter().for_each(|leaf| self.uses(&leaf.path));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let names: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
            self.uses(&names);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.in_tokens(call.tokens.clone());
    }

    fn visit_impl_item_fn(&mut self, method: &'ast syn::ImplItemFn) {
        if !is_test(&method.attrs) {
            visit::visit_impl_item_fn(self, method);
        }
    }

    /// The path of a visibility names a room, and needs nothing of it.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
}
