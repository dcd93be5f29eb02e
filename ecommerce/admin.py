"""The admin of the core app's models, and changes to the admin of other packages."""

from django.contrib import admin
from django_tasks_db.models import DBTaskResult

from core.contact.admin import ContactMailAdmin
from core.guarantee.admin import GuaranteeNoticeAdmin
from core.models import ContactMail, GuaranteeNotice, Page, PageText, Shop
from core.pages.admin import PageAdmin, PageTextAdmin
from core.shop.admin import ShopAdmin

admin.site.register(Shop, ShopAdmin)
admin.site.register(Page, PageAdmin)
admin.site.register(PageText, PageTextAdmin)
admin.site.register(ContactMail, ContactMailAdmin)
admin.site.register(GuaranteeNotice, GuaranteeNoticeAdmin)
admin.site.unregister(DBTaskResult)  # rows say what is due; a task that failed is in the log
