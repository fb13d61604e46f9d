//! How rows are shown: REST objects in camel case, OData rows in Pascal case.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::state_file::Change;
use crate::world::World;

use super::seed::NEXT_VERSION;

/// The next row version, and the change that takes it.
pub(super) fn next_version(world: &World) -> (u64, Change) {
    world.next("sumtotal.version", NEXT_VERSION)
}

/// `GET /users` shows this of a person.
pub(super) fn user(row: &Value) -> Value {
    let name = |first: &str, last: &str| match (row[first].as_str(), row[last].as_str()) {
        (Some(first), Some(last)) => json!(format!("{first} {last}")),
        _ => Value::Null,
    };
    json!({
        "firstName": row["firstName"],
        "lastName": row["lastName"],
        "fullPropertyName": null,
        "userId": row["userId"],
        "personId": row["personId"],
        "emailId": row["emailId"],
        "managerUserId": row["managerUserId"],
        "managerFullName": name("managerFirstName", "managerLastName"),
        "imagePath": null,
        "accountStatus": "Non Self account",
        "primaryDomain": "Acme",
        "primaryOrganization": row["primaryOrganization"],
        "jobTitle": row["jobTitle"],
        "managerId": row["managerId"],
        "primaryJob": row["jobTitle"],
        "managerFirstName": row["managerFirstName"],
        "managerLastName": row["managerLastName"],
        "userName": row["userName"],
        "createdDate": without_zone(&row["createdDate"]),
        "phone": null,
        "employeeType": "Full-time",
        "active": row["active"],
        "loginEnabled": row["active"],
        "locked": row["locked"],
        "maskedManagerUserId": row["managerUserId"],
        "maskedUserId": row["userId"],
    })
}

fn without_zone(date: &Value) -> Value {
    json!(date.as_str().unwrap_or_default().trim_end_matches('Z'))
}

/// OData writes an offset.
fn with_offset(date: &Value) -> Value {
    match date.as_str() {
        Some(text) => json!(text.replace('Z', "+00:00")),
        None => Value::Null,
    }
}

/// The activity list shows this.
pub(super) fn activity(row: &Value) -> Value {
    json!({
        "activityId": row["id"].to_string(),
        "activityName": row["name"],
        "activityCode": row["code"],
        "activityType": row["activityType"],
        "description": row["description"],
        "domainName": "Acme",
        "parentActivityId": row["parent"].as_u64().map(|id| id.to_string()),
        "rootActivityId": row["root"].to_string(),
        "startDate": row["startDate"],
        "endDate": null,
        "isActive": row["isActive"],
        "isOpenForRegistration": row["isOpen"],
        "isHidden": row["isHidden"],
        "estimatedCreditHours": row["hours"],
        "lastUpdateDate": row["lastUpdateDate"],
    })
}

/// The two faces of a row version: bytes that grow, and an id that reads them backwards.
fn version(row: &Value) -> (String, i64) {
    let bytes = row["version"].as_u64().unwrap_or_default().to_be_bytes();
    (STANDARD.encode(bytes), i64::from_le_bytes(bytes))
}

/// The growing version behind a `RowVersionId`.
pub(super) fn version_behind(id: i64) -> u64 {
    u64::from_be_bytes(id.to_le_bytes())
}

fn with_version(row: &Value, mut value: Value) -> Value {
    let (bytes, id) = version(row);
    let tag = STANDARD.encode(format!("binary'{bytes}'"));
    value["@odata.etag"] = json!(format!("W/\"{tag}\""));
    value["RowVersionBytes"] = json!(bytes);
    value["RowVersionId"] = json!(id);
    value
}

/// Fields of a Person that are always empty here, but there in the real one.
const EMPTY_PERSON_FIELDS: [&str; 22] = [
    "PrefixCode",
    "PrefixText",
    "LastNameNative",
    "FirstNameNative",
    "FriendlyName",
    "SuffixCode",
    "SuffixText",
    "NoteText",
    "EthnicityCode",
    "GenderCode",
    "CompanyCode",
    "CompanyName",
    "EndDate",
    "BirthDate",
    "LastReviewDate",
    "URL",
    "Description",
    "GovermentId",
    "ImagePath",
    "AgencySubElementCode",
    "MiddleName",
    "StatusCode",
];

/// A row of `Person`.
pub(super) fn person(row: &Value) -> Value {
    let (first, last) = (row["firstName"].as_str(), row["lastName"].as_str());
    let name = format!("{} {}", first.unwrap_or_default(), last.unwrap_or_default());
    let mut value = json!({
        "Active": i32::from(row["active"] == json!(true)),
        "ModifiedDate": with_offset(&row["modifiedDate"]),
        "PersonGuid": format!("00000000-0000-4000-8000-{:012}", row["personId"].as_u64().unwrap_or(0)),
        "TypeCode": 0,
        "PublishCalendar": true,
        "TimezoneId": 50,
        "Deleted": 0,
        "InternalInd": true,
        "CurrencyId": 0,
        "FullName": name,
        "SearchKey": format!("{name} {}", row["userId"].as_str().unwrap_or_default()),
        "SelfAccount": 0,
        "GuestAccount": 0,
        "Lock": i32::from(row["locked"] == json!(true)),
        "CreatedBy": "admin",
        "ModifiedBy": "admin",
        "WFMUser": true,
        "LocaleId": 1,
        "StartDate": null,
        "UserId": row["userId"],
        "Id": row["personId"],
        "FirstName": row["firstName"],
        "LastName": row["lastName"],
        "CreatedOn": with_offset(&row["createdDate"]),
    });
    for field in EMPTY_PERSON_FIELDS {
        value[field] = Value::Null;
    }
    with_version(row, value)
}

/// A row of `Activity`; its flags are 0 and 1.
pub(super) fn odata_activity(row: &Value) -> Value {
    let flag = |name: &str| i32::from(row[name] == json!(true));
    let value = json!({
        "Id": row["id"],
        "Name": row["name"],
        "Code": row["code"],
        "Description": row["description"],
        "Url": null,
        "LabelId": null,
        "ParentActivityId": row["parent"],
        "RootActivityId": row["root"],
        "DomainId": 1,
        "IsActive": flag("isActive"),
        "IsOpenForRegistration": flag("isOpen"),
        "IsCancelled": 0,
        "IsHidden": flag("isHidden"),
        "IsPrivate": 0,
        "IsCertification": flag("isCertification"),
        "StartDate": with_offset(&row["startDate"]),
        "EndDate": null,
        "LastUpdateDate": with_offset(&row["lastUpdateDate"]),
    });
    with_version(row, value)
}

/// A row of `Transcript`.
pub(super) fn transcript(row: &Value) -> Value {
    let done = row["complete"] == json!(true);
    let value = json!({
        "Id": row["id"],
        "UserId": row["userId"],
        "ActivityId": row["activityId"],
        "RegistrationId": null,
        "StartDate": with_offset(&row["startDate"]),
        "EndDate": with_offset(&row["endDate"]),
        "IsWaived": 0,
        "IsComplete": if done { "Completed" } else { "NotCompleted" },
        "Success": if done { json!("Pass") } else { Value::Null },
        "Score": row["score"],
        "Note": null,
        "Grade": null,
        "ElapsedSeconds": row["elapsedSeconds"],
        "HasAttended": i32::from(done),
        "ModifiedDate": with_offset(&row["modifiedDate"]),
    });
    with_version(row, value)
}

/// A row of `UserRequiredActivity`.
pub(super) fn required_activity(row: &Value) -> Value {
    let value = json!({
        "Id": row["assignmentId"],
        "UserId": row["userId"],
        "ActivityId": row["activityId"].as_str().and_then(|id| id.parse::<u64>().ok()),
        "PriorityId": row["priorityId"],
        "MinimumGrade": null,
        "Note": row["note"],
        "IsRequired": i32::from(row["isRequired"] == json!(true)),
    });
    with_version(row, value)
}

/// A row of `Registration`.
pub(super) fn registration(row: &Value) -> Value {
    let status = match row["assignmentStatus"].as_str() {
        Some("In progress - Registered") => "InProgress",
        Some(status) => status,
        None => "Registered",
    };
    let value = json!({
        "Id": row["id"],
        "UserId": row["userId"],
        "ActivityId": row["activityId"],
        "RegistrationStatus": status,
    });
    with_version(row, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_id_reads_the_bytes_backwards() {
        let (bytes, id) = version(&json!({ "version": 330_726_939_u64 }));
        assert_eq!(bytes, "AAAAABO2fhs=");
        assert_eq!(id, 1_981_221_078_810_230_784);
        assert_eq!(version_behind(id), 330_726_939);
    }
}
