//! What Litmos tells others of. Of its documented events the sandbox knows achievements: it has neither
//! sessions nor courses that are processed.

use serde_json::{Value, json};

use super::users::text;
use super::{ACHIEVEMENTS, COURSES, USERS};
use crate::clock;
use crate::state_file::Change;
use crate::webhooks::Event;
use crate::world::World;

/// The events of a write.
pub(crate) fn events(world: &World, changes: &[Change]) -> Vec<Event> {
    let rows = changes.iter().filter(|change| change.table == ACHIEVEMENTS);
    rows.filter_map(|change| change.row.as_ref()).map(|row| earned(world, row)).collect()
}

fn earned(world: &World, row: &Value) -> Event {
    let user = world.row(USERS, text(row, "UserId")).cloned().unwrap_or_default();
    let course = world.row(COURSES, text(row, "CourseId")).cloned().unwrap_or_default();
    let data = json!({
        "userId": row["UserId"],
        "userName": user["UserName"],
        "courseId": row["CourseId"],
        "title": row["Title"],
        "code": course["Code"],
        "achievementDate": without_zone(text(row, "AchievementDate")),
        "compliantTilldate": row["CompliantTillDate"],
        "result": row["Result"],
        "type": row["Type"],
        "firstName": row["FirstName"],
        "lastName": row["LastName"],
        "achievementId": row["AchievementId"],
        "certificateId": row["CertificateId"],
    });
    let name = "achievement.earned";
    let created = without_zone(&clock::iso(world.now()));
    Event {
        name: name.to_owned(),
        body: Box::new(
            move |id| json!({ "id": id, "created": created, "type": name, "object": "event", "data": data }),
        ),
    }
}

/// Its dates are UTC with milliseconds, and do not say so.
fn without_zone(moment: &str) -> String {
    format!("{}.000", moment.trim_end_matches('Z'))
}
