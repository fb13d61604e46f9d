//! The SVG document: no scripts, no fonts from elsewhere, every text escaped.

use std::fmt::Write;

use super::layout::{self, MOST, Placed, PlacedRegion};
use super::{Diagram, shortened};

const MARGIN: f64 = 20.0;
const LINE: f64 = 18.0;
const LEGEND: &str = "orange writes (ensure, create, update, delete, send), blue reads";

const STYLE: &str = "\
svg{background:#fff;font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}\
text{fill:#1c2733;font-size:12px}.name{font-size:20px;font-weight:600}.title{font-size:13px;\
font-weight:600}.dim{fill:#4d5b6a}.box{stroke:#8896a5;stroke-width:1.2;fill:#f6f8fa}\
.area{fill:none;stroke:#c2ccd6;stroke-dasharray:4 3}.edge{fill:none;stroke:#5b6b7b;\
stroke-width:1.4}.tip{fill:#5b6b7b}.read .box{stroke:#2f6fb3;fill:#eaf3fc}\
.write .box{stroke:#b3541e;fill:#fdf0e6;stroke-width:2.2}.person .box{stroke:#7a4fb5;fill:#f4eefb}\
.subflow .box{stroke:#2b7a5b;fill:#eaf7f1}.end .box{stroke:#6b7280;fill:#eceff2;stroke-dasharray:2 2}\
@media (prefers-color-scheme:dark){svg{background:#12181f}text{fill:#e6edf3}.dim{fill:#a9b6c3}\
.box{stroke:#6b7a89;fill:#1b232c}.area{stroke:#3d4a57}.edge{stroke:#93a3b3}.tip{fill:#93a3b3}\
.read .box{stroke:#5b9bdc;fill:#14263a}.write .box{stroke:#e08a4c;fill:#37210f}\
.person .box{stroke:#a88adf;fill:#271d3a}.subflow .box{stroke:#4fae88;fill:#122c22}\
.end .box{stroke:#8b95a1;fill:#20272e}}";

/// The whole document.
pub(super) fn draw(diagram: &Diagram) -> String {
    let top = MARGIN + 26.0 + LINE * diagram.about.len() as f64 + 6.0;
    let (regions, inner, height) = layout::regions(&diagram.regions);
    let header = diagram.about.iter().map(|line| shortened(line, 120).chars().count());
    let title = diagram.title.chars().count() * 2;
    let header = header.max().unwrap_or(0).max(title).max(LEGEND.chars().count()) as f64;
    let width = (inner + 2.0 * MARGIN).max(header * 6.7 + 2.0 * MARGIN);
    let mut out = Svg::default();
    out.text(MARGIN, MARGIN + 16.0, "name", &diagram.title);
    for (at, line) in diagram.about.iter().enumerate() {
        let y = MARGIN + 38.0 + LINE * at as f64;
        out.text(MARGIN, y, "dim", &shortened(line, 120));
    }
    out.line(format_args!("<g transform=\"translate({} {top})\">", MARGIN));
    for region in &regions {
        out.region(region);
    }
    out.line(format_args!("</g>"));
    let bottom = top + height + 26.0;
    out.text(MARGIN, bottom, "dim", LEGEND);
    let height = bottom + MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n<title>{}</title>\n\
         <style>{STYLE}</style>\n<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" \
         markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path class=\"tip\" \
         d=\"M0 0 8 4 0 8z\"/></marker></defs>\n{}</svg>\n",
        escaped(&diagram.title),
        out.0
    )
}

#[derive(Default)]
struct Svg(String);

impl Svg {
    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing into a text cannot fail.
        writeln!(self.0, "{text}").unwrap_or_default();
    }

    fn text(&mut self, x: f64, y: f64, class: &str, text: &str) {
        let text = escaped(text);
        self.line(format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{text}</text>"));
    }

    fn region(&mut self, region: &PlacedRegion<'_>) {
        let at = region.place;
        self.line(format_args!(
            "<rect class=\"area\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"6\"/>",
            at.x, at.y, at.width, at.height
        ));
        if !region.label.is_empty() {
            self.text(at.x + 10.0, at.y + 18.0, "dim", &shortened(region.label, MOST));
        }
        for corners in &region.edges {
            let corners: Vec<String> =
                corners.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
            let path = corners.join(" L");
            self.line(format_args!(
                "<path class=\"edge\" marker-end=\"url(#tip)\" d=\"M{path}\"/>"
            ));
        }
        if let Some(note) = &region.note {
            self.text(at.x + 10.0, at.bottom() - 8.0, "dim", &shortened(note, MOST));
        }
        for shape in &region.shapes {
            self.shape(shape);
        }
    }

    fn shape(&mut self, placed: &Placed<'_>) {
        let (shape, at) = (placed.shape, placed.place);
        self.line(format_args!("<g class=\"{}\">", shape.mark.class()));
        let whole: Vec<&str> = [shape.title.as_str()]
            .into_iter()
            .chain(shape.lines.iter().map(String::as_str))
            .collect();
        self.line(format_args!("<title>{}</title>", escaped(whole.join("\n").trim())));
        let round = if placed.regions.is_empty() { 6 } else { 10 };
        self.line(format_args!(
            "<rect class=\"box\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{round}\"/>",
            at.x, at.y, at.width, at.height
        ));
        let mut y = at.y + 19.0;
        if !shape.mark.word().is_empty() {
            let (x, word) = (at.x + at.width - 10.0, shape.mark.word());
            self.line(format_args!(
                "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"dim\" text-anchor=\"end\">{word}</text>"
            ));
        }
        if !shape.title.is_empty() {
            self.text(at.x + 12.0, y, "title", &shortened(&shape.title, MOST));
            y += 17.0;
        }
        for line in &shape.lines {
            self.text(at.x + 12.0, y, "dim", &shortened(line, MOST));
            y += 15.0;
        }
        // A child's tooltip must not be hidden by its parent's.
        self.line(format_args!("</g>"));
        for region in &placed.regions {
            self.region(region);
        }
    }
}

/// A text that cannot end the element it stands in.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' => {}
            c => out.push(c),
        }
    }
    out
}
