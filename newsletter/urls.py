"""Every public address, in one place. GET never changes state on any of them."""

from anymail import urls as anymail
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from newsletter.web import webhooks
from newsletter.web.views import digest, health, inbox, preferences, search, site, subscriber

told = [
    URLPattern(one.pattern, webhooks.stored_together(one.callback), one.default_args, one.name)
    for one in anymail.urlpatterns
]
urlpatterns: list[URLPattern | URLResolver] = [
    path("", site.home, name="home"),
    path("archive/", site.archive, name="archive"),
    path("archive/<str:day>/", site.archive_day, name="archive-day"),
    path("papers/<path:canonical_id>/", site.paper, name="paper"),
    path("search/", search.search, name="search"),
    path("feed.xml", site.feed, name="feed"),
    path("about/trending/", site.about_trending, name="about-trending"),
    path("privacy/", site.privacy, name="privacy"),
    path("robots.txt", site.robots, name="robots"),
    path("subscribe/", subscriber.subscribe, name="subscribe"),
    path("confirm/<str:token>/", subscriber.confirm, name="confirm"),
    path("preferences/<str:token>/", preferences.preferences, name="preferences"),
    path("unsubscribe/<str:token>/", subscriber.unsubscribe, name="unsubscribe"),
    path("feedback/<str:token>/", subscriber.rate, name="feedback"),
    path("digest/<str:token>/", digest.digest, name="digest"),
    path("inbox/", inbox.inbox, name="inbox"),
    path("inbox/<str:name>/", inbox.message, name="inbox-message"),
    path("inbox/<str:name>/html/", inbox.html_part, name="inbox-html"),
    path("inbox/<str:name>/raw/", inbox.raw, name="inbox-raw"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("admin/", admin.site.urls),
    path("anymail/", include((told, anymail.app_name))),
]
handler404 = "newsletter.web.views.errors.not_found"
handler500 = "newsletter.web.views.errors.server_error"
