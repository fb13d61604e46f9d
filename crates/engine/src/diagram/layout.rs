//! Where shapes stand: rows from top to bottom, each row one step later than the one before. What
//! is inside a shape stands in it, its lists side by side.

use super::{Region, Shape, shortened};

/// Between things that stand side by side.
const GAP: f64 = 18.0;
/// Between rows, where the edges run.
const ROW_GAP: f64 = 26.0;
/// Around what is inside a shape.
const PAD: f64 = 12.0;
/// The width of a character of a title, and of a smaller line.
const WIDE: f64 = 8.0;
const NARROW: f64 = 6.7;
const LINE: f64 = 15.0;
const TITLE: f64 = 20.0;
/// Lists of one shape stand below each other beyond this width.
const WIDEST: f64 = 1200.0;
/// The most characters of a line.
pub(super) const MOST: usize = 48;

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Place {
    fn moved(self, x: f64, y: f64) -> Self {
        Self { x: self.x + x, y: self.y + y, ..self }
    }

    pub(super) fn middle(self) -> f64 {
        self.x + self.width / 2.0
    }

    pub(super) fn bottom(self) -> f64 {
        self.y + self.height
    }
}

/// A shape and where it stands.
pub(super) struct Placed<'d> {
    pub(super) shape: &'d Shape,
    pub(super) place: Place,
    pub(super) regions: Vec<PlacedRegion<'d>>,
}

/// A list and where it stands.
pub(super) struct PlacedRegion<'d> {
    pub(super) label: &'d str,
    pub(super) note: Option<String>,
    pub(super) place: Place,
    pub(super) shapes: Vec<Placed<'d>>,
    /// The corners of each edge.
    pub(super) edges: Vec<Vec<(f64, f64)>>,
}

impl PlacedRegion<'_> {
    fn shift(&mut self, x: f64, y: f64) {
        self.place = self.place.moved(x, y);
        for shape in &mut self.shapes {
            shape.shift(x, y);
        }
        for corner in self.edges.iter_mut().flatten() {
            *corner = (corner.0 + x, corner.1 + y);
        }
    }
}

impl Placed<'_> {
    fn shift(&mut self, x: f64, y: f64) {
        self.place = self.place.moved(x, y);
        for region in &mut self.regions {
            region.shift(x, y);
        }
    }
}

/// How high the text of a shape is.
pub(super) fn head(shape: &Shape) -> f64 {
    let title = if shape.title.is_empty() { 0.0 } else { TITLE };
    PAD + title + LINE * shape.lines.len() as f64 + 4.0
}

/// Lists side by side, in rows; the corner is at 0, 0.
pub(super) fn regions(all: &[Region]) -> (Vec<PlacedRegion<'_>>, f64, f64) {
    let (mut x, mut y, mut row, mut width) = (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64);
    let mut placed = Vec::new();
    for one in all {
        let mut region = region(one);
        if x > 0.0 && x + region.place.width > WIDEST {
            (x, y, row) = (0.0, y + row + GAP, 0.0);
        }
        region.shift(x, y);
        x += region.place.width + GAP;
        width = width.max(x - GAP);
        row = row.max(region.place.height);
        placed.push(region);
    }
    (placed, width, y + row)
}

fn shape(shape: &Shape) -> Placed<'_> {
    let chars = |text: &str, most: usize| shortened(text, most).chars().count() as f64;
    let badge = shape.mark.word();
    let mark = if badge.is_empty() { 0.0 } else { NARROW * chars(badge, MOST) + 26.0 };
    let title = chars(&shape.title, MOST) * WIDE;
    let first = shape.lines.first().map_or(0.0, |line| chars(line, MOST) * NARROW);
    // The mark stands on the first line of all.
    let mut width = if shape.title.is_empty() { first + mark } else { title + mark };
    for line in &shape.lines {
        width = width.max(chars(line, MOST) * NARROW);
    }
    width = (width + 2.0 * PAD + 4.0).max(130.0);
    let mut height = head(shape) + PAD / 2.0;
    let (mut inner, inner_width, inner_height) = regions(&shape.regions);
    if !inner.is_empty() {
        width = width.max(inner_width + 2.0 * PAD);
        let x = (width - inner_width) / 2.0;
        for region in &mut inner {
            region.shift(x, head(shape) + 6.0);
        }
        height = head(shape) + 6.0 + inner_height + PAD;
    }
    Placed { shape, place: Place { x: 0.0, y: 0.0, width, height }, regions: inner }
}

fn region(region: &Region) -> PlacedRegion<'_> {
    let top = if region.label.is_empty() { PAD } else { PAD + LINE + 4.0 };
    let note = region.note();
    let long = |text: &str| shortened(text, MOST).chars().count() as f64 * NARROW + 2.0 * PAD;
    let label = long(&region.label).max(note.as_deref().map_or(0.0, long));
    let mut shapes: Vec<Placed<'_>> = region.shapes.iter().map(shape).collect();
    let rows = rows(region);
    let gaps = |row: &[usize]| GAP * row.len().saturating_sub(1) as f64;
    let width_of = |row: &Vec<usize>, shapes: &[Placed<'_>]| -> f64 {
        row.iter().map(|at| shapes[*at].place.width).sum::<f64>() + gaps(row)
    };
    let widest = rows.iter().map(|row| width_of(row, &shapes)).fold(label - 2.0 * PAD, f64::max);
    let widest = widest.max(60.0);
    let mut y = top;
    // Where each row begins and ends.
    let mut bands = Vec::new();
    for row in &rows {
        let mut x = PAD + (widest - width_of(row, &shapes)) / 2.0;
        let height = row.iter().map(|at| shapes[*at].place.height).fold(0.0, f64::max);
        for at in row {
            shapes[*at].shift(x, y);
            x += shapes[*at].place.width + GAP;
        }
        bands.push((y, y + height));
        y += height + ROW_GAP;
    }
    let mut height = if rows.is_empty() { top + LINE } else { y - ROW_GAP + PAD };
    if note.is_some() && !rows.is_empty() {
        height += LINE;
    }
    let (edges, n_lanes) = edges(region, &rows, &shapes, &bands, PAD + widest);
    let width = widest + 2.0 * PAD + n_lanes as f64 * 10.0;
    let place = Place { x: 0.0, y: 0.0, width, height };
    PlacedRegion { label: &region.label, note, place, shapes, edges }
}

/// The shapes of each row: one after all that it waits for.
fn rows(region: &Region) -> Vec<Vec<usize>> {
    let n = region.shapes.len();
    let mut rank = vec![0; n];
    // As often as there are shapes is enough, also when an edge leads back up.
    for _ in 0..n {
        let mut is_still = true;
        for (from, to) in &region.edges {
            if rank[*to] <= rank[*from] && rank[*from] < n {
                rank[*to] = rank[*from] + 1;
                is_still = false;
            }
        }
        if is_still {
            break;
        }
    }
    let mut rows: Vec<Vec<usize>> = Vec::new();
    for (at, rank) in rank.into_iter().enumerate() {
        if rows.len() <= rank {
            rows.resize(rank + 1, Vec::new());
        }
        rows[rank].push(at);
    }
    rows.retain(|row| !row.is_empty());
    // Below those they follow, so that edges cross less.
    let mut column = vec![0.0; n];
    for row in &mut rows {
        let wish = |at: &usize| {
            let before: Vec<f64> = region
                .edges
                .iter()
                .filter(|(_, to)| to == at)
                .map(|(from, _)| column[*from])
                .collect();
            if before.is_empty() {
                *at as f64
            } else {
                before.iter().sum::<f64>() / before.len() as f64
            }
        };
        let mut wishes: Vec<(f64, usize)> = row.iter().map(|at| (wish(at), *at)).collect();
        wishes.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        *row = wishes.into_iter().map(|(_, at)| at).collect();
        let half = (row.len() as f64 - 1.0) / 2.0;
        for (place, at) in row.iter().enumerate() {
            column[*at] = place as f64 - half;
        }
    }
    rows
}

/// The corners of the edges, and how many of them need a lane at the side to pass other rows.
fn edges(
    region: &Region,
    rows: &[Vec<usize>],
    shapes: &[Placed<'_>],
    bands: &[(f64, f64)],
    right: f64,
) -> (Vec<Vec<(f64, f64)>>, usize) {
    let row_of = |at: usize| rows.iter().position(|row| row.contains(&at)).unwrap_or_default();
    let mut n_lanes = 0;
    let mut all = Vec::new();
    for (from, to) in &region.edges {
        let (start, end) = (shapes[*from].place, shapes[*to].place);
        let (first, last) = (row_of(*from), row_of(*to));
        let begin = (start.middle(), start.bottom());
        let finish = (end.middle(), end.y);
        if last <= first + 1 {
            all.push(vec![begin, (begin.0, bands[first].1), finish]);
            continue;
        }
        n_lanes += 1;
        let lane = right + 10.0 * n_lanes as f64;
        let out = bands[first].1 + ROW_GAP / 2.0;
        let back = bands[last].0 - ROW_GAP / 2.0;
        all.push(vec![begin, (begin.0, out), (lane, out), (lane, back), (finish.0, back), finish]);
    }
    (all, n_lanes)
}
