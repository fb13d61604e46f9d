//! The tables and what kind each field is.

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// `YYYY-MM-DD HH:MM:SS`, UTC.
    Date,
    Number,
    /// `true` or `false`.
    Flag,
    /// A `sys_id` of this table.
    Ref(&'static str),
    /// Values and what they are shown as.
    Choice(&'static [(&'static str, &'static str)]),
    /// Append-only entries, kept in `sys_journal_field`.
    Journal,
}

/// One table.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) name: &'static str,
    /// The field that stands for the whole record.
    pub(super) display: &'static str,
    pub(super) writable: bool,
    pub(super) fields: &'static [(&'static str, Kind)],
}

impl Schema {
    pub(super) fn of(table: &str) -> Option<&'static Schema> {
        SCHEMAS.iter().find(|schema| schema.name == table)
    }

    pub(super) fn kind(&self, field: &str) -> Option<Kind> {
        let known = self.fields.iter().chain(SYSTEM_FIELDS);
        known.into_iter().find(|(name, _)| *name == field).map(|(_, kind)| *kind)
    }

    /// The kind at the end of a dotted path, when every part of it exists.
    pub(super) fn kind_at(&self, path: &str) -> Option<Kind> {
        match path.split_once('.') {
            None => self.kind(path),
            Some((field, rest)) => match self.kind(field)? {
                Kind::Ref(table) => Schema::of(table)?.kind_at(rest),
                _ => None,
            },
        }
    }

    /// Every field, those of the table first.
    pub(super) fn all_fields(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().chain(SYSTEM_FIELDS).map(|(name, _)| *name)
    }
}

pub(super) const SYSTEM_FIELDS: &[(&str, Kind)] = &[
    ("sys_id", Kind::Text),
    ("sys_created_on", Kind::Date),
    ("sys_created_by", Kind::Text),
    ("sys_updated_on", Kind::Date),
    ("sys_updated_by", Kind::Text),
    ("sys_mod_count", Kind::Number),
];

pub(super) const STATES: &[(&str, &str)] = &[
    ("1", "New"),
    ("2", "In Progress"),
    ("3", "On Hold"),
    ("6", "Resolved"),
    ("7", "Closed"),
    ("8", "Canceled"),
];

const LEVELS: &[(&str, &str)] = &[("1", "1 - High"), ("2", "2 - Medium"), ("3", "3 - Low")];

const PRIORITIES: &[(&str, &str)] = &[
    ("1", "1 - Critical"),
    ("2", "2 - High"),
    ("3", "3 - Moderate"),
    ("4", "4 - Low"),
    ("5", "5 - Planning"),
];

const USER: Kind = Kind::Ref("sys_user");
const ROLE: Kind = Kind::Ref("sys_user_role");
const GROUP: Kind = Kind::Ref("sys_user_group");

static SCHEMAS: [Schema; 12] = [
    Schema { name: "incident", display: "number", writable: true, fields: INCIDENT },
    Schema { name: "sys_user", display: "name", writable: true, fields: SYS_USER },
    Schema {
        name: "sys_user_role",
        display: "name",
        writable: true,
        fields: &[
            ("name", Kind::Text),
            ("description", Kind::Text),
            ("elevated_privilege", Kind::Flag),
            ("assignable_by", Kind::Text),
        ],
    },
    Schema {
        name: "sys_user_has_role",
        display: "sys_id",
        writable: true,
        fields: &[
            ("user", USER),
            ("role", ROLE),
            ("inherited", Kind::Flag),
            ("granted_by", GROUP),
            ("included_in_role", ROLE),
            ("state", Kind::Text),
        ],
    },
    Schema {
        name: "sys_user_role_contains",
        display: "sys_id",
        writable: true,
        fields: &[("role", ROLE), ("contains", ROLE)],
    },
    Schema {
        name: "sys_user_group",
        display: "name",
        writable: true,
        fields: &[
            ("name", Kind::Text),
            ("description", Kind::Text),
            ("manager", USER),
            ("active", Kind::Flag),
        ],
    },
    Schema {
        name: "sys_group_has_role",
        display: "sys_id",
        writable: true,
        fields: &[("group", GROUP), ("role", ROLE), ("inherits", Kind::Flag)],
    },
    Schema {
        name: "sys_user_grmember",
        display: "sys_id",
        writable: true,
        fields: &[("user", USER), ("group", GROUP)],
    },
    Schema {
        name: "sys_journal_field",
        display: "sys_id",
        writable: false,
        fields: &[
            ("name", Kind::Text),
            ("element", Kind::Text),
            ("element_id", Kind::Text),
            ("value", Kind::Text),
        ],
    },
    Schema {
        name: "sys_attachment",
        display: "file_name",
        writable: false,
        fields: &[
            ("file_name", Kind::Text),
            ("content_type", Kind::Text),
            ("size_bytes", Kind::Number),
            ("table_name", Kind::Text),
            ("table_sys_id", Kind::Text),
            ("hash", Kind::Text),
            ("state", Kind::Text),
        ],
    },
    Schema {
        name: "imp_user",
        display: "u_user_name",
        writable: false,
        fields: &[
            ("u_user_name", Kind::Text),
            ("u_email", Kind::Text),
            ("u_first_name", Kind::Text),
            ("u_last_name", Kind::Text),
            ("u_title", Kind::Text),
            ("u_employee_number", Kind::Text),
            ("u_key", Kind::Text),
            ("sys_import_set", Kind::Text),
            ("sys_import_row", Kind::Number),
            ("sys_import_state", Kind::Text),
            ("sys_import_state_comment", Kind::Text),
            ("sys_target_table", Kind::Text),
            ("sys_target_sys_id", Kind::Text),
        ],
    },
    Schema {
        name: "sys_alias",
        display: "name",
        writable: false,
        fields: &[("name", Kind::Text), ("id", Kind::Text), ("type", Kind::Text)],
    },
];

const INCIDENT: &[(&str, Kind)] = &[
    ("number", Kind::Text),
    ("state", Kind::Choice(STATES)),
    ("incident_state", Kind::Choice(STATES)),
    ("active", Kind::Flag),
    ("short_description", Kind::Text),
    ("description", Kind::Text),
    ("caller_id", USER),
    ("opened_by", USER),
    ("opened_at", Kind::Date),
    ("assigned_to", USER),
    ("assignment_group", GROUP),
    ("category", Kind::Text),
    ("subcategory", Kind::Text),
    ("contact_type", Kind::Text),
    ("impact", Kind::Choice(LEVELS)),
    ("urgency", Kind::Choice(LEVELS)),
    ("priority", Kind::Choice(PRIORITIES)),
    ("severity", Kind::Choice(LEVELS)),
    ("cmdb_ci", Kind::Text),
    ("business_service", Kind::Text),
    ("company", Kind::Text),
    ("location", Kind::Text),
    ("close_code", Kind::Text),
    ("close_notes", Kind::Text),
    ("resolved_at", Kind::Date),
    ("resolved_by", USER),
    ("closed_at", Kind::Date),
    ("closed_by", USER),
    ("reopen_count", Kind::Number),
    ("correlation_id", Kind::Text),
    ("correlation_display", Kind::Text),
    ("parent_incident", Kind::Ref("incident")),
    ("problem_id", Kind::Text),
    ("watch_list", Kind::Text),
    ("work_notes_list", Kind::Text),
    ("comments", Kind::Journal),
    ("work_notes", Kind::Journal),
    ("comments_and_work_notes", Kind::Journal),
    ("sys_class_name", Kind::Text),
    ("sys_domain", Kind::Text),
];

const SYS_USER: &[(&str, Kind)] = &[
    ("user_name", Kind::Text),
    ("email", Kind::Text),
    ("first_name", Kind::Text),
    ("last_name", Kind::Text),
    ("name", Kind::Text),
    ("active", Kind::Flag),
    ("locked_out", Kind::Flag),
    ("title", Kind::Text),
    ("department", Kind::Text),
    ("manager", USER),
    ("company", Kind::Text),
    ("location", Kind::Text),
    ("phone", Kind::Text),
    ("mobile_phone", Kind::Text),
    ("employee_number", Kind::Text),
    ("time_zone", Kind::Text),
    ("preferred_language", Kind::Text),
    ("web_service_access_only", Kind::Flag),
    ("internal_integration_user", Kind::Flag),
    ("source", Kind::Text),
];
