//! Owns the names of the dataset's tables, files and columns. Must never open a file.

/// A table of the dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Table {
    Customers,
    Orders,
    OrderItems,
    OrderPayments,
    OrderReviews,
    Products,
    Sellers,
    CategoryTranslation,
    Leads,
    ClosedDeals,
    Geolocation,
}

impl Table {
    /// Every table, in the order of reading.
    pub(super) const ALL: [Self; 11] = [
        Self::Customers,
        Self::Orders,
        Self::OrderItems,
        Self::OrderPayments,
        Self::OrderReviews,
        Self::Sellers,
        Self::CategoryTranslation,
        Self::Products,
        Self::Leads,
        Self::ClosedDeals,
        Self::Geolocation,
    ];

    /// The table's name in the report.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Orders => "orders",
            Self::OrderItems => "order_items",
            Self::OrderPayments => "order_payments",
            Self::OrderReviews => "order_reviews",
            Self::Products => "products",
            Self::Sellers => "sellers",
            Self::CategoryTranslation => "category_translation",
            Self::Leads => "marketing_qualified_leads",
            Self::ClosedDeals => "closed_deals",
            Self::Geolocation => "geolocation",
        }
    }

    /// The names its file may have, without `.csv` or `.csv.zst`; the public download's comes first.
    pub(super) fn stems(self) -> Vec<String> {
        let name = self.name();
        let mut stems = vec![format!("olist_{name}_dataset"), format!("olist_{name}")];
        if self == Self::CategoryTranslation {
            stems.insert(0, "product_category_name_translation".to_owned());
        }
        stems
    }

    /// Whether there is no import without it.
    pub(super) fn is_required(self) -> bool {
        matches!(
            self,
            Self::Customers | Self::Orders | Self::OrderItems | Self::OrderPayments
        )
    }

    /// The columns that are read; the order is the one in which `read` asks for them.
    pub(super) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Customers => &[
                "customer_id",
                "customer_unique_id",
                "customer_zip_code_prefix",
                "customer_city",
                "customer_state",
            ],
            Self::Orders => &[
                "order_id",
                "customer_id",
                "order_status",
                "order_purchase_timestamp",
                "order_approved_at",
                "order_delivered_carrier_date",
                "order_delivered_customer_date",
                "order_estimated_delivery_date",
            ],
            Self::OrderItems => &[
                "order_id",
                "order_item_id",
                "product_id",
                "seller_id",
                "price",
                "freight_value",
            ],
            Self::OrderPayments => &[
                "order_id",
                "payment_sequential",
                "payment_type",
                "payment_installments",
                "payment_value",
            ],
            Self::OrderReviews => &[
                "review_id",
                "order_id",
                "review_score",
                "review_comment_title",
                "review_comment_message",
                "review_creation_date",
                "review_answer_timestamp",
            ],
            Self::Products => &["product_id", "product_category_name"],
            Self::Sellers => &["seller_id", "seller_city", "seller_state"],
            Self::CategoryTranslation => {
                &["product_category_name", "product_category_name_english"]
            }
            Self::Leads => &["mql_id", "first_contact_date", "landing_page_id", "origin"],
            Self::ClosedDeals => &[
                "mql_id",
                "seller_id",
                "sdr_id",
                "sr_id",
                "won_date",
                "business_segment",
                "lead_type",
                "lead_behaviour_profile",
                "has_company",
                "has_gtin",
                "average_stock",
                "business_type",
                "declared_product_catalog_size",
                "declared_monthly_revenue",
            ],
            Self::Geolocation => &[],
        }
    }

    /// Why no row of this table is mapped, if none is.
    pub(super) fn unused(self) -> Option<&'static str> {
        match self {
            Self::Geolocation => Some("no context for places yet"),
            Self::Customers
            | Self::Orders
            | Self::OrderItems
            | Self::OrderPayments
            | Self::OrderReviews
            | Self::Products
            | Self::Sellers
            | Self::CategoryTranslation
            | Self::Leads
            | Self::ClosedDeals => None,
        }
    }
}
