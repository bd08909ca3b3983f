//! The links and the headings of a page.

/// The lines of a page that are not code, each with its number, inline code blanked.
pub(crate) fn prose(text: &str) -> Vec<(usize, String)> {
    let mut fence: Option<String> = None;
    let mut prose = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let start = line.trim_start();
        let ticks: String = start.chars().take_while(|c| *c == '`').collect();
        match &fence {
            Some(open) if start.trim_end() == open => fence = None,
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => prose.push((at + 1, without_code(line))),
            Some(_) => {}
        }
    }
    prose
}

/// The line with each span of inline code blanked.
fn without_code(line: &str) -> String {
    let mut parts = line.split('`').enumerate().peekable();
    let mut left = String::new();
    while let Some((at, part)) = parts.next() {
        let is_code = at % 2 == 1 && parts.peek().is_some();
        left.push_str(if is_code { "`" } else { part });
    }
    left
}

/// The target of each link and image, with its line.
pub(crate) fn links(text: &str) -> Vec<(usize, String)> {
    let of_line = |(at, line): (usize, String)| {
        let inline = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
        let defined = line.starts_with('[').then(|| line.split_once("]: ")).flatten();
        let defined = defined.map(|(_, target)| target.trim());
        let tags = [" src=\"", " href=\""].into_iter().flat_map(|tag| line.split(tag).skip(1));
        let tags = tags.filter_map(|rest| rest.split('"').next());
        let all: Vec<_> = inline.chain(defined).chain(tags).map(str::to_owned).collect();
        all.into_iter().map(move |link| (at, link))
    };
    prose(text).into_iter().flat_map(of_line).collect()
}

/// The anchor of each heading, as GitHub and mdBook make it.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let code = text.lines().map(str::to_owned).collect::<Vec<_>>();
    let mut anchors: Vec<String> = Vec::new();
    for (at, line) in prose(text) {
        let level = line.chars().take_while(|c| *c == '#').count();
        if level == 0 || !line[level..].starts_with(' ') {
            continue;
        }
        let anchor = anchor_of(code[at - 1][level..].trim());
        let times = |name: &str| anchors.iter().filter(|known| *known == name).count();
        let number = (1..).find(|n| times(&format!("{anchor}-{n}")) == 0).unwrap_or(1);
        anchors.push(if times(&anchor) == 0 { anchor } else { format!("{anchor}-{number}") });
    }
    anchors
}

fn anchor_of(heading: &str) -> String {
    let shown = heading.split("](").enumerate().map(|(at, part)| {
        if at == 0 { part } else { part.split_once(')').map_or("", |(_, rest)| rest) }
    });
    let letters = shown.flat_map(str::chars).filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || matches!(c, '-' | '_') => Some(c),
        _ => None,
    });
    letters.flat_map(char::to_lowercase).collect()
}

#[test]
fn a_heading_gives_its_anchor_with_code_links_and_repeats() {
    let text = "# One\n## `two` words, [three](x.md)!\n```sh\n# not one\n```\n# One\n#hash\n";
    assert_eq!(anchors(text), ["one", "two-words-three", "one-1"]);
}

#[test]
fn links_are_found_wherever_they_stand_but_in_code() {
    let text =
        "[a](b.md \"title\") ![c](d.svg)\n[e]: f.md\n<img alt=\"\" src=\"g.png\">\n`[h](i)`\n";
    let found: Vec<_> = links(text).into_iter().map(|(_, link)| link).collect();
    assert_eq!(found, ["b.md", "d.svg", "f.md", "g.png"]);
}
