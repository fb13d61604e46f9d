//! Acme, the invented company that all three systems are about.

/// Somebody at Acme; the number is the same in all three systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) n: u64,
    pub(crate) first: &'static str,
    pub(crate) last: &'static str,
}

/// Litmos Account_Owner; ServiceNow admin.
pub(crate) const MAYA_STONE: u64 = 0;
/// Litmos Administrator; service agent.
pub(crate) const KIM_LO: u64 = 1;
/// Litmos Team_Leader; service agent.
pub(crate) const LEE_PARK: u64 = 2;
/// Litmos team admin; service agent.
pub(crate) const NOOR_HADDAD: u64 = 3;
/// Litmos Learner; service agent by a role of his own.
pub(crate) const SAM_COLE: u64 = 4;
/// Not in Litmos; caller of the first incident.
pub(crate) const ANA_RUIZ: u64 = 5;
/// In Litmos with a course; caller of the second incident.
pub(crate) const TOM_REED: u64 = 6;
/// Left the company: inactive everywhere.
pub(crate) const IDA_BERG: u64 = 7;
/// Hired yesterday; the last of them is in Litmos already.
pub(crate) const NEW_HIRES: [u64; 4] = [8, 9, 10, JON_WELLS];
/// Hired yesterday, in Litmos already.
pub(crate) const JON_WELLS: u64 = 11;
/// Made yesterday but inactive.
pub(crate) const MAX_FREY: u64 = 12;
/// Hired three days ago, in Litmos.
pub(crate) const ROSA_BELL: u64 = 13;
/// Has no email address in ServiceNow; not in Litmos.
pub(crate) const GIL_MOOR: u64 = 14;

const NAMED: [(&str, &str); 15] = [
    ("Maya", "Stone"),
    ("Kim", "Lo"),
    ("Lee", "Park"),
    ("Noor", "Haddad"),
    ("Sam", "Cole"),
    ("Ana", "Ruiz"),
    ("Tom", "Reed"),
    ("Ida", "Berg"),
    ("Eva", "Lind"),
    ("Omar", "Diaz"),
    ("Priya", "Nair"),
    ("Jon", "Wells"),
    ("Max", "Frey"),
    ("Rosa", "Bell"),
    ("Gil", "Moor"),
];

const FIRST: [&str; 53] = [
    "Ada", "Amir", "Anja", "Bela", "Ben", "Cara", "Carl", "Chen", "Dana", "Dev", "Edith", "Elif",
    "Emil", "Fay", "Femi", "Greta", "Hana", "Hugo", "Ines", "Ivan", "Jade", "Jaya", "Kai", "Karl",
    "Lara", "Leo", "Lina", "Luca", "Mara", "Mei", "Milo", "Nadia", "Nils", "Olga", "Otto", "Paul",
    "Petra", "Quinn", "Rafi", "Rita", "Rolf", "Sana", "Sven", "Tara", "Theo", "Uma", "Vera",
    "Viktor", "Wanda", "Yara", "Yusuf", "Zara", "Zoe",
];

const LAST: [&str; 50] = [
    "Abel", "Adler", "Bauer", "Becker", "Blom", "Brook", "Castro", "Clark", "Dahl", "Dean",
    "Dietz", "Egger", "Falk", "Farah", "Fox", "Gray", "Haas", "Hale", "Holm", "Ito", "Jansen",
    "Jung", "Kaur", "Kern", "Khan", "Klein", "Koch", "Lang", "Lehn", "Lopez", "Marsh", "Mensah",
    "Meyer", "Moss", "Nagy", "Novak", "Okoro", "Olsen", "Patel", "Peters", "Rossi", "Sato",
    "Silva", "Singh", "Suarez", "Tan", "Vogel", "Weber", "Yilmaz", "Zeller",
];

/// How many people there are: as many as there are different names.
pub(crate) const PEOPLE: u64 = 2600;

/// How many of them the help desk and Litmos know.
pub(crate) const OFFICE: u64 = 130;

/// The person with this number, below [`PEOPLE`].
pub(crate) fn person(n: u64) -> Person {
    let index = usize::try_from(n).unwrap_or_default();
    if let Some((first, last)) = NAMED.get(index) {
        return Person { n, first, last };
    }
    // 53 and 50 have no common divisor, so the pair repeats only after 2650 people.
    let filler = index - NAMED.len();
    Person { n, first: FIRST[filler % FIRST.len()], last: LAST[filler % LAST.len()] }
}

impl Person {
    pub(crate) fn full_name(&self) -> String {
        format!("{} {}", self.first, self.last)
    }

    /// `ana.ruiz`
    pub(crate) fn user_name(&self) -> String {
        format!("{}.{}", self.first, self.last).to_lowercase()
    }

    /// `ana.ruiz@example.test`
    pub(crate) fn email(&self) -> String {
        format!("{}@example.test", self.user_name())
    }

    /// The number on the badge, which SumTotal uses as `userId`.
    pub(crate) fn employee_number(&self) -> u64 {
        100_300 + self.n
    }

    pub(crate) fn job_title(&self) -> &'static str {
        const TITLES: [&str; 6] =
            ["Engineer", "Accountant", "Analyst", "Technician", "Buyer", "Planner"];
        match self.n {
            MAYA_STONE => "Head of Learning",
            KIM_LO..=SAM_COLE => "Service Desk Agent",
            n => TITLES[usize::try_from(n).unwrap_or_default() % TITLES.len()],
        }
    }

    pub(crate) fn department(&self) -> &'static str {
        const DEPARTMENTS: [&str; 5] = ["Research", "Finance", "Logistics", "Sales", "Production"];
        match self.n {
            MAYA_STONE => "Human Resources",
            KIM_LO..=SAM_COLE => "IT",
            n => DEPARTMENTS[usize::try_from(n).unwrap_or_default() % DEPARTMENTS.len()],
        }
    }

    /// Who this person reports to; nobody at the top.
    pub(crate) fn manager(&self) -> Option<Person> {
        (self.n > 0).then(|| person(self.n / 10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_people_share_an_address() {
        let addresses: std::collections::BTreeSet<String> =
            (0..PEOPLE).map(|n| person(n).email()).collect();
        assert_eq!(addresses.len() as u64, PEOPLE);
    }
}
