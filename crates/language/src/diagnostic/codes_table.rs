//! The one table of all codes that a user can meet.

macro_rules! table {
    ($($name:ident $text:literal $meaning:literal;)*) => {
        /// All codes, one constant each, and [`ALL`](codes::ALL) of them with their meaning.
        pub mod codes {
            use crate::diagnostic::Code;
            $(#[doc = $meaning] pub const $name: Code = Code($text);)*
            /// Every code with its meaning in one line.
            pub const ALL: &[(Code, &str)] = &[$(($name, $meaning)),*];

            /// The page of each code, in the order of [`ALL`]: what it means, an example, the fix.
            /// A code without a page does not compile.
            const PAGES: &[&str] =
                &[$(include_str!(concat!("../../../../docs/errors/", $text, ".md"))),*];

            /// The page of a code in Markdown, and its meaning in one line.
            pub fn page(code: &str) -> Option<(&'static str, &'static str)> {
                let at = ALL.iter().position(|(known, _)| known.0 == code)?;
                Some((PAGES[at], ALL[at].1))
            }
        }
    };
}

table! {
    // The file itself
    UNREADABLE_FILE "unreadable-file" "the file cannot be read as text";
    FILE_TOO_LARGE "file-too-large" "the file is larger than 1 MB";
    TOO_DEEP "too-deep" "the file nests deeper than 64 levels";
    TOO_MANY_STEPS "too-many-steps" "a flow has more than 1,000 steps";
    FORBIDDEN_CHARACTER "forbidden-character" "a control or bidirectional character hides what the file says";
    YAML_SYNTAX "yaml-syntax" "the file is not well-formed YAML";
    YAML_ALIAS "yaml-alias" "anchors, aliases and merge keys are not used here";
    YAML_TAG "yaml-tag" "YAML tags are not used here; a leading `!` needs quotes";
    YAML_KEY "yaml-key" "a key is not text";
    YAML_NUMBER "yaml-number" "a number that is not finite or does not fit";
    SECOND_DOCUMENT "second-document" "a file holds one document";
    DUPLICATE_KEY "duplicate-key" "a key is written twice";
    CANNOT_FORMAT "cannot-format" "the file cannot be laid out without changing what it says";
    UNQUOTED_BRACES "unquoted-braces" "a value that begins with `{{` needs quotes";
    // Keys and values
    UNKNOWN_KEY "unknown-key" "a key that means nothing here";
    MISSING_KEY "missing-key" "a key that is needed is not there";
    CONFLICTING_KEYS "conflicting-keys" "keys that exclude each other";
    WRONG_TYPE "wrong-type" "a value of another type than this place takes";
    BAD_VALUE "bad-value" "a value that this place does not take";
    BAD_SCHEMA "bad-schema" "a type or constraint that cannot be read";
    BAD_DURATION "bad-duration" "a duration that cannot be read";
    BAD_CRON "bad-cron" "a cron pattern that cannot be read";
    UNKNOWN_TIME_ZONE "unknown-time-zone" "a time zone that does not exist";
    NEVER_FIRES "never-fires" "a schedule that never fires";
    UNKNOWN_CALENDAR "unknown-calendar" "a calendar that does not exist";
    DUPLICATE_PATH "duplicate-path" "two webhooks with one path";
    NO_WATERMARK "no-watermark" "a record trigger on an action that cannot tell which rows are new";
    // Names
    BAD_ID "bad-id" "an id that is not lower case letters, digits and underscores";
    DUPLICATE_ID "duplicate-id" "an id that is used twice";
    RESERVED_ID "reserved-id" "an id that the language keeps for itself";
    UNKNOWN_NAME "unknown-name" "a name that nothing in scope has";
    UNKNOWN_STEP "unknown-step" "a step that does not exist";
    LATER_STEP "later-step" "a step that has not run yet where it is read";
    UNREACHABLE_REFERENCE "unreachable-reference" "a step in another branch or iteration cannot be read here";
    NOT_AN_ANCESTOR "not-an-ancestor" "a step that need not have ended where it is read; add it to `after`";
    UNKNOWN_FIELD "unknown-field" "a field that the value does not have";
    UNKNOWN_SPOKE "unknown-spoke" "a spoke that does not exist";
    UNKNOWN_ACTION "unknown-action" "an action that the spoke does not have";
    UNKNOWN_ALIAS "unknown-alias" "a connection alias that is not declared";
    UNKNOWN_ROLE "unknown-role" "a role that neither we nor a spoke has";
    UNKNOWN_FLOW "unknown-flow" "a flow that does not exist";
    DUPLICATE_FLOW "duplicate-flow" "two files hold a flow of the same name";
    UNDECLARED_VARIABLE "undeclared-variable" "a flow variable that is not declared under `vars`";
    // Expressions and texts
    BAD_EXPRESSION "bad-expression" "an expression that cannot be read as CEL";
    BAD_TEXT "bad-text" "a text that cannot be read as Handlebars";
    UNKNOWN_FUNCTION "unknown-function" "a function or helper that does not exist";
    BAD_ARGUMENTS "bad-arguments" "a function called with the wrong arguments";
    MIXED_ARITHMETIC "mixed-arithmetic" "integers and numbers do not mix in arithmetic";
    EXPRESSION_TYPE "expression-type" "an expression of another type than this place takes";
    UNGUARDED_NULL "unguarded-null" "a value that can be null is read without a test";
    // Flow
    UNKNOWN_STEP_KIND "unknown-step-kind" "a step without a key that says what it is, or with two";
    MISSING_INPUT "missing-input" "an input that is required is not given";
    WRONG_INPUT_TYPE "wrong-input-type" "an input is given a value of another type";
    UNKNOWN_INPUT "unknown-input" "an input that the action or flow does not have";
    CYCLE "cycle" "steps or flows that wait for each other";
    MISPLACED_STEP "misplaced-step" "a step that cannot stand here";
    MISPLACED_STREAM "misplaced-stream" "a stream outside `for_each`, or another action as what a loop goes over";
    UNREACHABLE_STEP "unreachable-step" "a step that can never run";
    UNREACHABLE_ROW "unreachable-row" "a row of a decision table that can never count";
    MISSING_DEFAULT "missing-default" "a decision without `default` whose result is used";
    TOO_DEEP_FLOW "too-deep-flow" "subflows nest deeper than 16";
    // Warnings and hints
    BAD_ALLOWANCE "bad-allowance" "a comment that would silence a remark and cannot be used";
    UNUSED_ALLOWANCE "unused-allowance" "a comment that silences nothing";
    UNUSED_OUTPUT "unused-output" "a read whose output nothing uses";
    SECRET_LITERAL "secret-literal" "a value that looks like a secret stands in the file";
    RAW_QUERY "raw-query" "a raw value is put into a query language";
    UNVERIFIABLE_WRITE "unverifiable-write" "a write that can neither be verified nor repeated";
    UNLIMITED_WRITES "unlimited-writes" "writes in a loop without `limits`";
    PAST_INSTANT "past-instant" "a schedule whose last time has passed";
    // Spokes and connections
    BAD_MANIFEST "bad-manifest" "a spoke or action file that does not say what it must";
    BAD_CONNECTION "bad-connection" "a connection that cannot be used as written";
    REPLACED_SPOKE "replaced-spoke" "a spoke of the project that stands in place of a bundled one";
    FAILED_EXAMPLE "failed-example" "an example of an action that does not come out as written";
}
