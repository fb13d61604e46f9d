//! The switches of each system; all can be changed while running, over the control port.

use serde::{Deserialize, Serialize};

/// The switches of the whole sandbox.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Litmos.
    pub litmos: LitmosSettings,
    /// ServiceNow.
    pub servicenow: ServiceNowSettings,
    /// SumTotal.
    pub sumtotal: SumTotalSettings,
    /// What the systems send to others.
    pub webhooks: WebhookSettings,
}

/// How webhooks are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookSettings {
    /// How often what was not taken is sent again.
    pub retries: u32,
    /// How long after it was not taken.
    pub spacing_ms: u64,
    /// How long the receiver may take.
    pub timeout_ms: u64,
    /// On: everything is sent twice, as the real ones sometimes do.
    pub duplicates: bool,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        WebhookSettings { retries: 3, spacing_ms: 5000, timeout_ms: 10_000, duplicates: false }
    }
}

/// So many calls in so many seconds, over a sliding window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// Calls that pass.
    pub calls: u32,
    /// The length of the window.
    pub seconds: u32,
}

/// The switches of Litmos.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LitmosSettings {
    /// Off: a trial account, every call is refused with 401.
    pub api_enabled: bool,
    /// Per API key; the real one is 100 in 60 seconds.
    pub rate_limit: RateLimit,
    /// Off: XML elements out of order are lost and ISO dates in JSON results fail, as in the real one.
    pub lenient: bool,
    /// On: what is documented for Account Owners is refused to Administrators.
    pub strict_levels: bool,
}

impl Default for LitmosSettings {
    fn default() -> Self {
        LitmosSettings {
            api_enabled: true,
            rate_limit: RateLimit { calls: 1_000_000, seconds: 60 },
            lenient: false,
            strict_levels: false,
        }
    }
}

/// The switches of ServiceNow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceNowSettings {
    /// On: an invalid part of an encoded query finds nothing; off: it is ignored.
    pub invalid_query_returns_no_rows: bool,
    /// On: every tenth row is hidden from lists after paging, so that pages come short.
    pub short_pages: bool,
}

/// The switches of SumTotal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SumTotalSettings {
    /// Rows of an OData page.
    pub odata_page_size: usize,
    /// On: `@odata.nextLink` names another host, as the real one was seen to do.
    pub foreign_next_link: bool,
    /// On: `offset` counts pages instead of records.
    pub offset_counts_pages: bool,
    /// The HTTP status of a save that was refused.
    pub failed_save_status: u16,
    /// On: `/odata` wants the scope `odataapis`.
    pub strict_scopes: bool,
}

impl Default for SumTotalSettings {
    fn default() -> Self {
        SumTotalSettings {
            odata_page_size: 1000,
            foreign_next_link: true,
            offset_counts_pages: false,
            failed_save_status: 200,
            strict_scopes: false,
        }
    }
}
