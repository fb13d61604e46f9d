//! CSV files: rows as objects of texts, page by page, and back.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use csv::{ByteRecord, QuoteStyle, ReaderBuilder, Terminator, WriterBuilder};
use linchpin_connector::{ActionError, ErrorKind, Page};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{text, wrong};
use crate::folder::Folder;

/// Rows of one page of a stream.
const PAGE: usize = 500;
/// Rows that are given at once; a longer list is a stream's.
const MAX_ROWS: usize = 10_000;
/// The longest row and the largest page, in bytes: a quote that nobody closes must not fill the
/// memory.
const MAX_ROW: u64 = 16 * 1024 * 1024;

/// Where a stream stands. Plain data: it is journaled.
#[derive(Serialize, Deserialize)]
struct Place {
    byte: u64,
    row: u64,
    columns: Vec<String>,
    /// The file as it was; another one is another list.
    stamp: String,
}

/// All rows of a file.
pub(super) fn all(folder: &Folder, path: &str, inputs: &Value) -> Result<Vec<Value>, ActionError> {
    let mut rows = Vec::new();
    let mut cursor = None;
    loop {
        let page = page(folder, path, inputs, cursor.as_ref())?;
        rows.extend(page.rows);
        if rows.len() > MAX_ROWS {
            let message =
                format!("{path} has more than {MAX_ROWS} rows; csv.stream reads it in a loop");
            return Err(ActionError::new(ErrorKind::LimitExceeded, message));
        }
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok(rows);
        }
    }
}

/// The rows from a place on, and the place behind them.
pub(super) fn page(
    folder: &Folder,
    path: &str,
    inputs: &Value,
    cursor: Option<&Value>,
) -> Result<Page, ActionError> {
    let place = cursor.map(Place::deserialize).transpose();
    let place =
        place.map_err(|_| ActionError::new(ErrorKind::Internal, "unreadable stream cursor"))?;
    let (mut file, stamp) = folder.open(path)?;
    if place.as_ref().is_some_and(|place| place.stamp != stamp) {
        let message = format!("{path} has changed while it was read");
        return Err(ActionError::new(ErrorKind::Conflict, message));
    }
    let mut reading = Reading {
        path,
        is_latin: text(inputs, "encoding") == "latin-1",
        delimiter: delimiter(inputs)?,
    };
    let mut place = match place {
        Some(place) => place,
        None => reading.first(&mut file, stamp)?,
    };
    let (rows, is_last) = reading.rows(&mut file, &mut place)?;
    let first = place.row - rows.len() as u64;
    let keys = (first..place.row).map(|row| row.to_string()).collect();
    let cursor = (!is_last).then(|| serde_json::to_value(&place).unwrap_or_default());
    Ok(Page { rows, keys, cursor })
}

struct Reading<'a> {
    path: &'a str,
    is_latin: bool,
    delimiter: u8,
}

impl Reading<'_> {
    fn open<'f>(
        &self,
        file: &'f mut File,
        byte: u64,
    ) -> Result<csv::Reader<impl Read + use<'f>>, ActionError> {
        let at = file.seek(SeekFrom::Start(byte));
        at.map_err(|error| wrong(format!("{}: {error}", self.path)))?;
        let bounded = BufReader::new(file.take(MAX_ROW));
        let mut reader = ReaderBuilder::new();
        reader.has_headers(false).flexible(true).delimiter(self.delimiter);
        Ok(reader.from_reader(bounded))
    }

    /// Reads the names of the columns.
    fn first(&mut self, file: &mut File, stamp: String) -> Result<Place, ActionError> {
        let mut mark = [0; 3];
        let has_mark = file.read(&mut mark).is_ok_and(|read| read == 3) && mark == *b"\xef\xbb\xbf";
        let begin = if has_mark { 3 } else { 0 };
        let mut reader = self.open(file, begin)?;
        let mut record = ByteRecord::new();
        let found = reader.read_byte_record(&mut record);
        if !found.map_err(|error| wrong(format!("{}: {error}", self.path)))? {
            return Ok(Place { byte: begin, row: 0, columns: Vec::new(), stamp });
        }
        if reader.position().byte() >= MAX_ROW {
            return Err(self.too_long(1));
        }
        let mut columns: Vec<String> = Vec::new();
        for cell in &record {
            let name = self.cell(cell, 1)?.trim().to_owned();
            if name.is_empty() || columns.contains(&name) {
                let message = format!(
                    "{}: the first line needs a name of its own for each column, and `{name}` is none",
                    self.path
                );
                return Err(wrong(message));
            }
            columns.push(name);
        }
        let byte = begin + reader.position().byte();
        Ok(Place { byte, row: 0, columns, stamp })
    }

    /// The rows of one page, and whether the file ends with them.
    fn rows(
        &mut self,
        file: &mut File,
        place: &mut Place,
    ) -> Result<(Vec<Value>, bool), ActionError> {
        let mut reader = self.open(file, place.byte)?;
        let mut record = ByteRecord::new();
        let mut rows = Vec::new();
        let mut read = 0;
        while rows.len() < PAGE {
            // The names stand in line 1.
            let line = place.row + 2;
            let more = reader.read_byte_record(&mut record);
            let is_row = more.map_err(|error| wrong(format!("{}: {error}", self.path)))?;
            if reader.position().byte() >= MAX_ROW {
                // The page is full, and may have cut this row: it is the first of the next one.
                if rows.is_empty() {
                    return Err(self.too_long(line));
                }
                break;
            }
            read = reader.position().byte();
            if !is_row {
                return Ok((rows, true));
            }
            if record.len() > place.columns.len() {
                let message = format!(
                    "{}: row {line} has {} cells, more than the {} columns of the first line",
                    self.path,
                    record.len(),
                    place.columns.len()
                );
                return Err(wrong(message));
            }
            let mut row = Map::new();
            for (at, column) in place.columns.iter().enumerate() {
                let cell = record.get(at).unwrap_or_default();
                row.insert(column.clone(), Value::from(self.cell(cell, line)?));
            }
            rows.push(Value::Object(row));
            place.row += 1;
        }
        place.byte += read;
        Ok((rows, false))
    }

    fn too_long(&self, line: u64) -> ActionError {
        let message = format!(
            "{}: row {line} is longer than {} MB; a quote in it may lack its end",
            self.path,
            MAX_ROW / 1024 / 1024
        );
        ActionError::new(ErrorKind::LimitExceeded, message)
    }

    fn cell(&self, cell: &[u8], line: u64) -> Result<String, ActionError> {
        if self.is_latin {
            return Ok(cell.iter().map(|byte| char::from(*byte)).collect());
        }
        String::from_utf8(cell.to_vec()).map_err(|_| {
            wrong(format!(
                "{}: row {line} is not written in utf-8; give encoding: latin-1 if it is",
                self.path
            ))
        })
    }
}

fn delimiter(inputs: &Value) -> Result<u8, ActionError> {
    match text(inputs, "delimiter").as_bytes() {
        [] => Ok(b','),
        [one] if one.is_ascii() && !matches!(one, b'"' | b'\r' | b'\n') => Ok(*one),
        _ => {
            let message = "the delimiter is one plain character such as , or ;";
            Err(ActionError::new(ErrorKind::InvalidInput, message))
        }
    }
}

/// The content of a file with these rows.
pub(super) fn written(inputs: &Value) -> Result<Vec<u8>, ActionError> {
    let invalid = |message: String| ActionError::new(ErrorKind::InvalidInput, message);
    let rows = inputs.get("rows").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut columns: Vec<String> = Vec::new();
    match inputs.get("columns").and_then(Value::as_array) {
        Some(named) => {
            columns.extend(named.iter().filter_map(|name| name.as_str().map(str::to_owned)))
        }
        None => {
            for name in rows.iter().filter_map(Value::as_object).flat_map(Map::keys) {
                if !columns.contains(name) {
                    columns.push(name.clone());
                }
            }
        }
    }
    let mut writer = WriterBuilder::new()
        .delimiter(delimiter(inputs)?)
        .quote_style(QuoteStyle::Necessary)
        .terminator(Terminator::CRLF)
        .from_writer(Vec::new());
    let failed = |error: csv::Error| ActionError::new(ErrorKind::Internal, error.to_string());
    if !columns.is_empty() {
        writer.write_record(&columns).map_err(failed)?;
    }
    for (at, row) in rows.iter().enumerate() {
        let mut cells = Vec::with_capacity(columns.len());
        for column in &columns {
            cells.push(match row.get(column) {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) => text.clone(),
                Some(Value::Array(_) | Value::Object(_)) => {
                    return Err(invalid(format!(
                        "row {} has a list or an object under `{column}`: a cell is one value",
                        at + 1
                    )));
                }
                Some(scalar) => scalar.to_string(),
            });
        }
        writer.write_record(&cells).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| ActionError::new(ErrorKind::Internal, error.to_string()))
}
