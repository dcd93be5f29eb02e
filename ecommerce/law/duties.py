"""The list of duties. docs/law.md has a row for each, with its sources and its tests."""

from django.utils.translation import gettext_lazy as _

from core.models import Page
from ecommerce.law import durable, guarantee, ordering, seller, texts, withdrawal
from ecommerce.law.duty import Duty
from ecommerce.law.regions import EU_ONLY, EVERYWHERE, GERMANY_ONLY

Kind = Page.Kind
DUTIES = (
    Duty(
        "L1", _("Say who sells"), "Directive 2000/31 Art. 5; § 5 DDG; UK E-Commerce Regulations 2002", EVERYWHERE,
        (
            seller.missing_facts, seller.sample_facts, texts.page_exists(Kind.IMPRINT),
            texts.names_the_seller(Kind.IMPRINT), texts.imprint_is_complete, texts.linked_in_footer(Kind.IMPRINT),
            seller.seller_in_footer, seller.seller_in_email, seller.sender_of_email,
        ),
    ),
    Duty(
        "L2", _("Show terms, privacy, delivery and withdrawal before ordering, and let buyers keep them"),
        "Directive 2011/83 Art. 6, 8; GDPR Art. 13; UK CCR 2013", EVERYWHERE,
        (
            *(texts.page_exists(kind) for kind in (Kind.TERMS, Kind.PRIVACY, Kind.DELIVERY, Kind.WITHDRAWAL)),
            texts.linked_in_footer(Kind.TERMS, Kind.PRIVACY, Kind.DELIVERY, Kind.WITHDRAWAL),
            ordering.texts_are_linked_above_button, durable.order_is_emailed, durable.texts_are_emailed,
        ),
    ),
    Duty(
        "L3", _("Let the order button say that the order obliges to pay"),
        "Directive 2011/83 Art. 8(2); § 312j BGB; UK CCR 2013 reg. 14", EVERYWHERE,
        (ordering.button_obliges_to_pay, ordering.order_is_above_button),
    ),
    Duty(
        "L4", _("Offer a withdrawal function on every page"),
        "Directive 2011/83 Art. 11a (2023/2673); § 356a BGB", EVERYWHERE,
        (withdrawal.is_linked_on_every_page, withdrawal.is_open_to_everybody, withdrawal.receipt_is_complete),
    ),
    Duty(
        "L5", _("Show the notice of the legal guarantee"), "Directive 2024/825; Regulation 2025/1960", EU_ONLY,
        (guarantee.notice_is_uploaded, guarantee.notice_is_shown, guarantee.notice_is_emailed),
    ),
    Duty(
        "L10", _("Name countries and means of payment when the order begins"),
        "Directive 2011/83 Art. 8(3); UK CCR 2013 reg. 14", EVERYWHERE,
        (ordering.countries_are_named, ordering.means_of_payment_are_named),
    ),
    Duty(
        "L12", _("Offer the model withdrawal form"), "Directive 2011/83 Annex I; UK CCR 2013 Schedule 3", EVERYWHERE,
        (texts.withdrawal_form, texts.names_the_seller(Kind.WITHDRAWAL)),
    ),
    Duty(
        "L14", _("Keep a card only with consent"), "EDPB Recommendations 02/2021; Directive 2011/83 Art. 22",
        EVERYWHERE,
        (ordering.cards_are_saved_only_on_request,),
    ),
    Duty("L15", _("Set no cookie without need or consent"), "Directive 2002/58 Art. 5(3); PECR", EVERYWHERE),
    Duty("L16", _("Export, correct and erase personal data"), "GDPR Art. 15–17", EVERYWHERE),
    Duty(
        "L17", _("Be accessible, and say so"), "Directive 2019/882", EU_ONLY,
        (texts.page_exists(Kind.ACCESSIBILITY), texts.linked_in_footer(Kind.ACCESSIBILITY)),
    ),
    Duty("L18", _("Show only verified reviews"), "Directive 2019/2161; UK DMCC Act 2024", EVERYWHERE),
    Duty(
        "L19", _("State numbers of packaging, battery and electrical registers"), "VerpackG; BattDG; ElektroG",
        GERMANY_ONLY, (seller.registers_of_packaging,),
    ),
    Duty("L20", _("Answer quickly"), "Directive 2011/83 Art. 6(1)(c)", EVERYWHERE, (seller.contact,)),
    Duty(
        "L21", _("Say whether you take part in dispute resolution"), "§ 36 VSBG; Regulation 2024/3228", EVERYWHERE,
        (seller.disputes, seller.old_platform_in_shop, texts.old_platform_in_texts),
    ),
)  # fmt: skip
