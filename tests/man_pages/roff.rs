//! Pages of docs/ as man pages: the Markdown that they use, and no more of it.

/// `markdown` as the body of a man page: headings, paragraphs, lists, tables as tagged paragraphs, code.
pub(super) fn body(markdown: &str) -> String {
    let mut out = String::new();
    let mut lines = markdown.lines().peekable();
    // Columns of the table that is under way.
    let mut columns: Vec<&str> = Vec::new();
    let mut between = true;
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            out.push_str(".PP\n.nf\n");
            for code in lines.by_ref().take_while(|l| !l.starts_with("```")) {
                out.push_str(&protected(&escaped(code)));
            }
            out.push_str(".fi\n");
            between = true;
        } else if let Some(title) = line.strip_prefix("### ") {
            out.push_str(&format!(".SS {}\n", inline(title)));
        } else if let Some(title) = line.strip_prefix("## ") {
            out.push_str(&format!(".SH \"{}\"\n", inline(&title.to_uppercase())));
        } else if line.starts_with("# ") || line.starts_with("<!--") {
        } else if line.is_empty() {
            (between, columns) = (true, Vec::new());
        } else if let Some(row) = line.strip_prefix('|') {
            let cells: Vec<&str> = row.trim_end_matches('|').split(" | ").map(str::trim).collect();
            if cells.iter().all(|c| c.starts_with("---")) {
            } else if columns.is_empty() {
                columns = row.trim_end_matches('|').split('|').map(str::trim).collect();
                // The line below the heads.
                lines.next();
            } else {
                out.push_str(&tagged(&columns, &cells));
            }
        } else if let Some(item) = line.strip_prefix("- ") {
            out.push_str(".IP \\(bu 2\n");
            out.push_str(&protected(&inline(item)));
            between = false;
        } else {
            if between && !out.is_empty() && !after_heading(&out) {
                out.push_str(".PP\n");
            }
            out.push_str(&protected(&inline(line.trim_start())));
            between = false;
        }
    }
    out
}

fn after_heading(out: &str) -> bool {
    out.lines().last().is_some_and(|l| l.starts_with(".SH") || l.starts_with(".SS"))
}

/// A row: the first cell is the tag, the column without a head the text, the others follow by their names.
fn tagged(columns: &[&str], cells: &[&str]) -> String {
    let mut out = format!(".TP\n{}\n", inline(cells[0]));
    let rest = || columns.iter().zip(cells).skip(1).filter(|(_, cell)| !cell.is_empty());
    let text = rest().filter(|(head, _)| head.is_empty()).map(|(_, cell)| inline(cell));
    let named = rest().filter(|(head, _)| !head.is_empty());
    let named: Vec<String> = named.map(|(head, cell)| format!("{head}: {}", inline(cell))).collect();
    let text: Vec<String> = text.collect();
    if !text.is_empty() {
        out.push_str(&protected(&text.join(" ")));
    }
    if !text.is_empty() && !named.is_empty() {
        out.push_str(".br\n");
    }
    if !named.is_empty() {
        out.push_str(&protected(&format!("({})", named.join("; "))));
    }
    out
}

/// Code in bold; of a link its text, with the page's own file as `FILE`.
fn inline(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, (name, after))) = rest
        .split_once('[')
        .and_then(|(before, tail)| Some((before, tail.split_once("](")?)))
        .filter(|(_, (name, _))| !name.contains(['[', ']']))
    {
        plain.push_str(before);
        plain.push_str(name);
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    let parts = plain.split('`').enumerate();
    parts
        .map(|(i, part)| match (i % 2, escaped(part)) {
            (1, code) => format!("\\fB{code}\\fR"),
            (_, words) => words.replace("**", ""),
        })
        .collect()
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq")
}

/// A line that begins like a request begins with nothing first.
fn protected(line: &str) -> String {
    if line.is_empty() {
        return "\n".to_owned();
    }
    let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
    format!("{guard}{line}\n")
}
