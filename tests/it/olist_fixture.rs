//! Owns a small invented dataset in the public Olist layout that has every quirk the importer must survive. Must never
//! hold a row of the real dataset.
//!
//! Files are named in both of the ways that the importer accepts, and one is compressed. Everything but the bad rows
//! and the category translation repeats with other ids in every copy, so that a test can scale the input.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

/// A category's two names; the source's second category has no translation.
const TRANSLATIONS: &str =
    "\u{feff}product_category_name,product_category_name_english\nbeleza_saude,health_beauty\n";

/// What the importer must say of one copy: by table rows and mapped rows.
pub(crate) const TABLES: [(&str, u64, u64); 9] = [
    ("orders", 13, 13),
    ("order_items", 12, 12),
    ("order_payments", 13, 13),
    ("order_reviews", 4, 4),
    ("customers", 14, 13),
    ("products", 4, 3),
    ("sellers", 3, 2),
    ("marketing_qualified_leads", 4, 4),
    ("closed_deals", 3, 2),
];

/// The reported rows of one copy: table, reason and how many.
pub(crate) const REPORTED: [(&str, &str, u64); 4] = [
    ("customers", "customer without an order", 1),
    ("products", "product never sold", 1),
    ("sellers", "seller without items", 1),
    ("closed_deals", "deal without a lead", 1),
];

/// The bad rows, which do not repeat: table and reason, each once.
pub(crate) const BAD: [(&str, &str); 21] = [
    ("orders", "order_status: unknown"),
    ("orders", "order_purchase_timestamp: not a date and time"),
    ("orders", "wrong number of columns"),
    ("orders", "id already seen"),
    ("orders", "customer_id: no such customer"),
    ("order_items", "price: not an amount"),
    ("order_items", "order_item_id: not a whole number"),
    ("order_items", "order not mapped"),
    ("order_items", "already seen in this order"),
    ("order_payments", "payment_value: negative"),
    ("order_payments", "order not mapped"),
    ("order_reviews", "review_score: out of range"),
    ("order_reviews", "order_id: not 32 hexadecimal digits"),
    ("order_reviews", "already seen in this order"),
    ("customers", "id already seen"),
    ("products", "product_id: missing"),
    (
        "marketing_qualified_leads",
        "first_contact_date: not a date",
    ),
    ("marketing_qualified_leads", "id already seen"),
    ("closed_deals", "won_date: not a date and time"),
    ("closed_deals", "has_gtin: neither True nor False"),
    ("closed_deals", "id already seen"),
];

/// The quirks of one copy.
pub(crate) const QUIRKS: [(&str, u64); 23] = [
    ("approvalBeforePurchase", 1),
    ("canceledYetDelivered", 1),
    ("canceledYetShipped", 1),
    ("carrierBeforeApproval", 1),
    ("carrierBeforePurchase", 1),
    ("createdYetApproved", 1),
    ("customersMoved", 1),
    ("dealBeforeContact", 1),
    ("deliveredWithoutApproval", 1),
    ("deliveredWithoutCarrierDate", 1),
    ("deliveredWithoutDate", 1),
    ("itemsOfUnknownProducts", 1),
    ("leadsWithoutOrigin", 1),
    ("orderWithoutPayment", 1),
    ("ordersWithSeveralSellers", 1),
    ("ordersWithoutItems", 3),
    ("productsWithoutCategory", 1),
    ("productsWithoutTranslation", 1),
    ("reviewBeforePurchase", 1),
    ("reviewIdsOnSeveralOrders", 1),
    ("sellersUnknown", 1),
    ("zeroInstallments", 1),
    ("zeroPayments", 2),
];

/// The source's statuses of one copy: orders by status.
pub(crate) const STATUSES: [(&str, u64); 8] = [
    ("approved", 1),
    ("canceled", 2),
    ("created", 1),
    ("delivered", 5),
    ("invoiced", 1),
    ("processing", 1),
    ("shipped", 1),
    ("unavailable", 1),
];

/// The sum of the items' prices in one copy, in centavos.
pub(crate) const PRICE: i64 = 12 * 1990;
/// The sum of the items' freight in one copy, in centavos.
pub(crate) const FREIGHT: i64 = 12 * 505;
/// The sum of the payments in one copy, in centavos.
pub(crate) const PAYMENTS: i64 = 10_001 + 10 * 2495;
/// The tenants of one copy, without the house tenant that all copies share.
pub(crate) const TENANTS: u64 = 3;

/// Writes `copies` copies (at least 1) into the existing `folder`, and the bad rows once.
///
/// # Errors
/// Whatever the file system says.
pub(crate) fn write(folder: &Path, copies: u32) -> io::Result<()> {
    let mut tables = Tables::default();
    for copy in 0..copies {
        tables.copy(copy);
    }
    tables.bad_rows();
    let file = |name: &str| folder.join(name);
    fs::write(
        file("olist_orders_dataset.csv"),
        ORDERS.to_owned() + &tables.orders,
    )?;
    fs::write(
        file("olist_order_items.csv"),
        ITEMS.to_owned() + &tables.items,
    )?;
    fs::write(
        file("olist_order_payments_dataset.csv"),
        PAYMENTS_HEAD.to_owned() + &tables.payments,
    )?;
    let reviews = REVIEWS.to_owned() + &tables.reviews;
    fs::write(
        file("olist_order_reviews.csv.zst"),
        zstd::encode_all(reviews.as_bytes(), 3)?,
    )?;
    fs::write(
        file("olist_customers_dataset.csv"),
        CUSTOMERS.to_owned() + &tables.customers,
    )?;
    fs::write(
        file("olist_products_dataset.csv"),
        PRODUCTS.to_owned() + &tables.products,
    )?;
    fs::write(
        file("olist_sellers.csv"),
        SELLERS.to_owned() + &tables.sellers,
    )?;
    fs::write(
        file("olist_marketing_qualified_leads.csv"),
        LEADS.to_owned() + &tables.leads,
    )?;
    fs::write(
        file("olist_closed_deals_dataset.csv"),
        DEALS.to_owned() + &tables.deals,
    )?;
    fs::write(file("product_category_name_translation.csv"), TRANSLATIONS)
}

const ORDERS: &str = "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,\
    order_delivered_carrier_date,order_delivered_customer_date,order_estimated_delivery_date\n";
const ITEMS: &str =
    "order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value\n";
const PAYMENTS_HEAD: &str =
    "order_id,payment_sequential,payment_type,payment_installments,payment_value\n";
const REVIEWS: &str = "review_id,order_id,review_score,review_comment_title,review_comment_message,\
    review_creation_date,review_answer_timestamp\n";
const CUSTOMERS: &str =
    "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state\n";
const PRODUCTS: &str = "\"product_id\",\"product_category_name\",\"product_weight_g\"\n";
const SELLERS: &str = "seller_id,seller_zip_code_prefix,seller_city,seller_state\n";
const LEADS: &str = "mql_id,first_contact_date,landing_page_id,origin\n";
const DEALS: &str = "mql_id,seller_id,sdr_id,sr_id,won_date,business_segment,lead_type,lead_behaviour_profile,\
    has_company,has_gtin,average_stock,business_type,declared_product_catalog_size,declared_monthly_revenue\n";

/// One order: number, status, and its days: purchase, approval, carrier, customer; 0 is none.
const LIVES: [(u32, &str, [u32; 4]); 13] = [
    (1, "delivered", [10, 10, 12, 15]),
    // Two sellers, and a payment that does not divide.
    (2, "delivered", [10, 11, 12, 16]),
    // No items.
    (3, "created", [11, 11, 0, 0]),
    (4, "approved", [11, 12, 0, 0]),
    (5, "processing", [12, 12, 0, 0]),
    (6, "invoiced", [12, 12, 0, 0]),
    // With the carrier before approval and purchase.
    (7, "shipped", [13, 14, 9, 0]),
    // Without a date.
    (8, "delivered", [13, 13, 0, 0]),
    (9, "delivered", [14, 0, 16, 18]),
    (10, "canceled", [14, 12, 16, 18]),
    // No items.
    (11, "unavailable", [15, 15, 0, 0]),
    // No payment; the customer of order 1 from another city.
    (12, "delivered", [20, 20, 21, 24]),
    // No items.
    (13, "canceled", [21, 0, 0, 0]),
];

#[derive(Default)]
struct Tables {
    orders: String,
    items: String,
    payments: String,
    reviews: String,
    customers: String,
    products: String,
    sellers: String,
    leads: String,
    deals: String,
}

/// An id of its own for every kind, copy and number.
fn id(kind: &str, copy: u32, number: u32) -> String {
    format!("{kind:a>4}{copy:012x}{number:016x}")
}

fn day(day: u32) -> String {
    if day == 0 {
        String::new()
    } else {
        format!("2018-03-{day:02} 10:00:00")
    }
}

fn row(table: &mut String, cells: &[&str]) {
    // Writing to a String cannot fail.
    let _ = writeln!(table, "{}", cells.join(","));
}

impl Tables {
    fn copy(&mut self, copy: u32) {
        for (number, status, days) in LIVES {
            let [purchase, approval, carrier, customer] = days.map(day);
            let (order, row_id) = (id("0", copy, number), id("c", copy, number));
            let estimate = "2018-04-02 00:00:00";
            row(
                &mut self.orders,
                &[
                    &order, &row_id, status, &purchase, &approval, &carrier, &customer, estimate,
                ],
            );
            let person = id("d", copy, if number == 12 { 1 } else { number });
            let city = if number == 12 {
                "niteroi"
            } else {
                "\"sao paulo, centro\""
            };
            row(
                &mut self.customers,
                &[
                    &row_id,
                    &person,
                    "01001",
                    city,
                    if number == 12 { "RJ" } else { "SP" },
                ],
            );
            self.items_of(copy, number);
            self.payments_of(copy, number);
        }
        self.rest(copy);
    }

    /// What belongs to no single order, and the reviews.
    fn rest(&mut self, copy: u32) {
        row(
            &mut self.customers,
            &[
                &id("c", copy, 99),
                &id("d", copy, 99),
                "01001",
                "sao paulo",
                "SP",
            ],
        );
        let review = |number| id("f", copy, number);
        let order = |number| id("0", copy, number);
        let text = "\"Chegou antes,\nmuito \"\"bom\"\"\"";
        let answered = "2018-03-18 08:00:00";
        row(
            &mut self.reviews,
            &[
                &review(1),
                &order(1),
                "5",
                "Ótimo",
                text,
                "2018-03-16 00:00:00",
                answered,
            ],
        );
        row(
            &mut self.reviews,
            &[
                &review(1),
                &order(2),
                "1",
                "",
                "",
                "2018-03-16 00:00:00",
                answered,
            ],
        );
        row(
            &mut self.reviews,
            &[
                &review(2),
                &order(2),
                "4",
                "",
                "ok",
                "2018-03-16 00:00:00",
                answered,
            ],
        );
        // Before the purchase.
        row(
            &mut self.reviews,
            &[
                &review(3),
                &order(12),
                "3",
                "",
                "ok",
                "2018-03-16 00:00:00",
                answered,
            ],
        );
        row(
            &mut self.products,
            &[&id("b", copy, 1), "beleza_saude", "100"],
        );
        row(&mut self.products, &[&id("b", copy, 2), "pc_gamer", "100"]);
        row(&mut self.products, &[&id("b", copy, 3), "", "100"]);
        row(
            &mut self.products,
            &[&id("b", copy, 4), "beleza_saude", "100"],
        );
        for number in 1..=3 {
            row(
                &mut self.sellers,
                &[&id("e", copy, number), "20000", "rio de janeiro", "RJ"],
            );
        }
        self.leads_of(copy);
    }

    /// Two leads without a deal, of which one has no origin; a deal of ten days, one from before the first contact, and one
    /// of no lead.
    fn leads_of(&mut self, copy: u32) {
        let page = id("8", copy, 1);
        for (number, date, origin) in [
            (1, "2018-02-01", "social"),
            (2, "2018-02-01", ""),
            (3, "2018-02-03", "paid_search"),
            (4, "2018-02-05", "paid_search"),
        ] {
            row(
                &mut self.leads,
                &[&id("9", copy, number), date, &page, origin],
            );
        }
        let (seller, rep) = (id("e", copy, 1), id("6", copy, 1));
        let deal = |lead: &str, won: &str, rest: &str| {
            format!("{lead},{seller},{rep},{rep},{won},{rest}\n")
        };
        let full = "pet,online_big,\"cat, wolf\",True,False,5-20,reseller,100.0,2500.5";
        let bare = "pet,,,,,,,,0.0";
        self.deals += &deal(&id("9", copy, 3), "2018-02-13 18:30:00", full);
        self.deals += &deal(&id("9", copy, 4), "2018-02-03 09:00:00", bare);
        self.deals += &deal(&id("9", copy, 9), "2018-02-13 18:30:00", bare);
    }

    /// Two items of orders 1 and 2, none of 3, 11 and 13, one of the others. The seller of order 9 is not in the table
    /// of sellers, the product of order 8 not in that of the products.
    fn items_of(&mut self, copy: u32, number: u32) {
        let sold: &[(u32, u32)] = match number {
            1 => &[(1, 1), (1, 1)],
            2 => &[(2, 1), (1, 1)],
            3 | 11 | 13 => &[],
            4 => &[(1, 2)],
            5 => &[(1, 3)],
            8 => &[(1, 77)],
            9 => &[(55, 1)],
            _ => &[(1, 1)],
        };
        for (index, (seller, product)) in (1..).zip(sold) {
            let (order, index) = (id("0", copy, number), format!("{index}"));
            let (seller, product) = (id("e", copy, *seller), id("b", copy, *product));
            row(
                &mut self.items,
                &[
                    &order,
                    &index,
                    &product,
                    &seller,
                    "2018-03-20 00:00:00",
                    "19.90",
                    "5.05",
                ],
            );
        }
    }

    /// One payment of every order but 12, which has none, and 2, which has a second one of nothing.
    fn payments_of(&mut self, copy: u32, number: u32) {
        let order = id("0", copy, number);
        match number {
            2 => {
                row(
                    &mut self.payments,
                    &[&order, "1", "credit_card", "3", "100.01"],
                );
                row(&mut self.payments, &[&order, "2", "voucher", "1", "0.00"]);
            }
            3 => row(
                &mut self.payments,
                &[&order, "1", "not_defined", "1", "0.00"],
            ),
            12 => {}
            13 => row(
                &mut self.payments,
                &[&order, "1", "credit_card", "0", "24.95"],
            ),
            _ => row(&mut self.payments, &[&order, "1", "boleto", "1", "24.95"]),
        }
    }

    /// See [`BAD`].
    fn bad_rows(&mut self) {
        let (first, customer, seller, product) =
            (id("0", 0, 1), id("c", 0, 1), id("e", 0, 1), id("b", 0, 1));
        let bad = |number| id("7", 0, number);
        let date = "2018-03-10 10:00:00";
        row(
            &mut self.orders,
            &[&bad(1), &customer, "lost", date, "", "", "", ""],
        );
        row(
            &mut self.orders,
            &[&bad(2), &customer, "created", "10/03/2018", "", "", "", ""],
        );
        row(&mut self.orders, &[&bad(3), &customer, "created", date]);
        row(
            &mut self.orders,
            &[&first, &customer, "created", date, "", "", "", ""],
        );
        row(
            &mut self.orders,
            &[&bad(4), &bad(5), "created", date, "", "", "", ""],
        );
        row(
            &mut self.items,
            &[&first, "3", &product, &seller, date, "\"19,90\"", "5.05"],
        );
        row(
            &mut self.items,
            &[&first, "x", &product, &seller, date, "19.90", "5.05"],
        );
        row(
            &mut self.items,
            &[&bad(1), "1", &product, &seller, date, "19.90", "5.05"],
        );
        row(
            &mut self.items,
            &[&first, "1", &product, &seller, date, "19.90", "5.05"],
        );
        row(&mut self.payments, &[&first, "2", "boleto", "1", "-1.00"]);
        row(&mut self.payments, &[&bad(1), "1", "boleto", "1", "1.00"]);
        row(
            &mut self.reviews,
            &[&bad(1), &first, "9", "", "", date, date],
        );
        row(
            &mut self.reviews,
            &[&bad(1), "none", "1", "", "", date, date],
        );
        row(
            &mut self.reviews,
            &[&id("f", 0, 1), &first, "1", "", "", date, date],
        );
        row(
            &mut self.customers,
            &[&customer, &bad(6), "01001", "sao paulo", "SP"],
        );
        row(&mut self.products, &["", "beleza_saude", "100"]);
        let lead = id("9", 0, 3);
        row(&mut self.leads, &[&bad(7), "1 May", "", "social"]);
        row(&mut self.leads, &[&lead, "2018-02-03", "", "social"]);
        for (won, gtin) in [("2018-02-13", ""), (date, "yes"), (date, "")] {
            let _ = writeln!(self.deals, "{lead},{seller},,,{won},,,,,{gtin},,,,");
        }
    }
}
