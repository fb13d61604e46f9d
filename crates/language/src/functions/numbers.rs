//! Functions that round numbers, and read and write them as people do.

use super::general::whole;
use super::{Args, Function, may, need};
use crate::value::{Value, json};

const PLACES: &str = "the number of places is not between 0 and 15";

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "round",
        category: "numbers",
        about: "The nearest whole number, or the nearest with so many decimal places.",
        params: &[need("number", "number"), may("places", "integer")],
        returns: "number",
        examples: &[("round(2.5)", "3"), ("round(3.14159, 2)", "3.14"), ("round(7)", "7")],
        call: |args| match args.integer_or(1, 0)? {
            0 => to_whole(args, f64::round),
            places @ 1..=15 => Ok(json!(at_places(args.number(0)?, places, f64::round))),
            _ => Err(PLACES.to_owned()),
        },
        shallow: false,
    },
    Function {
        name: "floor",
        category: "numbers",
        about: "The largest whole number that is not larger.",
        params: &[need("number", "number")],
        returns: "integer",
        examples: &[("floor(2.9)", "2"), ("floor(-2.1)", "-3")],
        call: |args| to_whole(args, f64::floor),
        shallow: false,
    },
    Function {
        name: "ceil",
        category: "numbers",
        about: "The smallest whole number that is not smaller.",
        params: &[need("number", "number")],
        returns: "integer",
        examples: &[("ceil(2.1)", "3")],
        call: |args| to_whole(args, f64::ceil),
        shallow: false,
    },
    Function {
        name: "abs",
        category: "numbers",
        about: "The number without its sign.",
        params: &[need("number", "number")],
        returns: "number",
        examples: &[("abs(-3)", "3"), ("abs(-1.5)", "1.5")],
        call: |args| match args.value(0).as_i64() {
            Some(number) => Ok(json!(number.unsigned_abs())),
            None => Ok(json!(args.number(0)?.abs())),
        },
        shallow: false,
    },
    Function {
        name: "trunc",
        category: "numbers",
        about: "The number with what is beyond so many decimal places (else all of them) cut off.",
        params: &[need("number", "number"), may("places", "integer")],
        returns: "number",
        examples: &[("trunc(-2.9)", "-2"), ("trunc(3.149, 2)", "3.14")],
        call: |args| match args.integer_or(1, 0)? {
            0 => to_whole(args, f64::trunc),
            places @ 1..=15 => Ok(json!(at_places(args.number(0)?, places, f64::trunc))),
            _ => Err(PLACES.to_owned()),
        },
        shallow: false,
    },
    Function {
        name: "format_number",
        category: "numbers",
        about: "The number with its thousands apart and a fixed number of decimal places (else as many as it has), as in `1,234.50`; both signs can be given.",
        params: &[
            need("number", "number"),
            may("places", "integer"),
            may("thousands", "string"),
            may("point", "string"),
        ],
        returns: "string",
        examples: &[
            ("format_number(1234567)", r#""1,234,567""#),
            ("format_number(1234.5, 2)", r#""1,234.50""#),
            ("format_number(1234.5, 2, '.', ',')", r#""1.234,50""#),
        ],
        call: format_number,
        shallow: false,
    },
    Function {
        name: "parse_number",
        category: "numbers",
        about: "The number that a text with thousands apart is, `.` its point unless another is given; blanks, `'` and the other of `.` and `,` are passed over.",
        params: &[need("text", "string"), may("point", "string")],
        returns: "number",
        examples: &[
            ("parse_number('1,234.50')", "1234.5"),
            ("parse_number('1.234,50', ',')", "1234.5"),
            ("parse_number('12 000')", "12000"),
        ],
        call: parse_number,
        shallow: false,
    },
];

fn to_whole(args: &Args<'_>, round: fn(f64) -> f64) -> Result<Value, String> {
    match args.value(0) {
        value @ Value::Number(number) if !number.is_f64() => Ok(value.clone()),
        value => whole(round(args.number(0)?)).ok_or_else(|| format!("{value} is too large")),
    }
}

/// The number rounded at a decimal place; as it is where it is too large to have any.
fn at_places(number: f64, places: i64, round: fn(f64) -> f64) -> f64 {
    let factor = 10_f64.powi(i32::try_from(places).unwrap_or(15));
    let rounded = round(number * factor) / factor;
    if rounded.is_finite() { rounded } else { number }
}

fn format_number(args: &Args<'_>) -> Result<Value, String> {
    let written = match (args.value(0), args.given(1)) {
        (Value::Number(number), None) if !number.is_f64() => number.to_string(),
        (_, None) => format!("{}", args.number(0)?),
        (Value::Number(number), Some(_)) if !number.is_f64() => {
            let places = args.count_of(1, 15)?;
            let point = if places > 0 { "." } else { "" };
            format!("{number}{point}{}", "0".repeat(places))
        }
        (_, Some(_)) => format!("{:.*}", args.count_of(1, 15)?, args.number(0)?),
    };
    let (sign, digits) = match written.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", written.as_str()),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (thousands, point) = (args.text_or(2, ",")?, args.text_or(3, ".")?);
    if thousands.len() > 8 || point.len() > 8 {
        return Err("a sign between digits is a single character".to_owned());
    }
    let mut out = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push_str(&thousands);
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push_str(&point);
        out.push_str(fraction);
    }
    Ok(json!(out))
}

fn parse_number(args: &Args<'_>) -> Result<Value, String> {
    let (text, point) = (args.text(0)?, args.text_or(1, ".")?);
    if !matches!(point.as_ref(), "." | ",") {
        return Err(format!("{} must be `.` or `,`", args.name(1)));
    }
    let passed = |c: &char| {
        c.is_whitespace()
            || matches!(c, '\'' | '’')
            || (matches!(c, '.' | ',') && !point.contains(*c))
    };
    let bare: String = text.chars().filter(|c| !passed(c)).collect();
    let bare = bare.replace(',', ".");
    let digits = bare.strip_prefix(['-', '+']).unwrap_or(&bare);
    let is_plain = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    let number = match bare.parse::<i64>() {
        Ok(whole) if is_plain => Some(json!(whole)),
        _ => bare.parse::<f64>().ok().filter(|n| is_plain && n.is_finite()).map(|n| json!(n)),
    };
    number.ok_or_else(|| format!("cannot read {text:?} as a number"))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn what_is_no_number_is_refused_and_large_ones_are_written_whole() {
        let parse = |text: &str| parse_number(&Args::new(&[Cow::Owned(json!(text))]));
        for text in ["", "-", "1-2", "inf", "NaN", "1e5", "1.2.3", "0x10", "٣"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse("-1'000"), Ok(json!(-1000)));
        let format = |number: Value| format_number(&Args::new(&[Cow::Owned(number)]));
        assert_eq!(format(json!(i64::MIN)), Ok(json!("-9,223,372,036,854,775,808")));
        assert_eq!(format(json!(-0.5)), Ok(json!("-0.5")));
        assert!(format(json!(f64::MAX)).unwrap().as_str().unwrap().len() < 500);
    }
}
