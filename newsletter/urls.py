"""Every public address, in one place. GET never changes state on any of them."""

from collections.abc import Iterator

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from newsletter.web import webhooks
from newsletter.web.api.endpoints import api
from newsletter.web.views import (
    archive,
    card,
    digest,
    feeds,
    health,
    inbox,
    lists,
    paper,
    personal_data,
    preferences,
    preview,
    private_feed,
    rate_papers,
    search,
    site,
    sitemap,
    subscriber,
)


def list_urls() -> Iterator[URLPattern]:
    """Yield the pages and feeds of the lists: every period, in all fields and in one."""
    for prefix, name in (("", ""), ("fields/<str:field>/", "field-")):
        for period in ("day", "week", "month"):
            page = f"{prefix}{'' if period == 'day' else f'{period}/'}"
            options = {"period": period}
            if page:  # The front page has a view and feeds of its own.
                called = "field" if page == prefix else f"{name}{period}"
                yield path(page, lists.paper_list, options, name=called)
                yield path(f"{page}feed.xml", feeds.paper_list.atom, options)
                yield path(f"{page}feed.json", feeds.paper_list.json, options)
            if period != "day":
                called = f"{name}ended-{period}"
                ended = f"{page}<str:key>/"
                yield path(ended, lists.paper_list, options, name=called)
                yield path(f"{ended}feed.xml", feeds.paper_list.atom, options)
                yield path(f"{ended}feed.json", feeds.paper_list.json, options)


urlpatterns: list[URLPattern | URLResolver] = [
    path("", site.home, name="home"),
    path("feed.xml", feeds.front_page.atom, name="feed"),
    path("feed.json", feeds.front_page.json, name="feed-json"),
    *list_urls(),
    path("fields/", lists.fields, name="fields"),
    path("archive/", archive.archive, name="archive"),
    path("archive/<str:day>/", archive.archive_day, name="archive-day"),
    path("archive/<str:day>/feed.xml", feeds.archive_day.atom, name="archive-day-feed"),
    path("archive/<str:day>/feed.json", feeds.archive_day.json),
    path("archive/<str:day>/card.png", card.day, name="day-card"),
    path("papers/<path:canonical_id>/card.png", card.paper, name="paper-card"),
    path("papers/<path:canonical_id>/cite.bib", paper.cite, name="cite"),
    path("papers/<path:canonical_id>/", paper.paper, name="paper"),
    path("sitemap.xml", sitemap.sitemap, name="sitemap"),
    path("api/", api.urls),
    path("api/v1/<slug:name>/", site.api_without_slash),
    path("search/", search.search, name="search"),
    path("search/feed.xml", feeds.search.atom, name="search-feed"),
    path("search/feed.json", feeds.search.json, name="search-feed-json"),
    path("about/trending/", site.about_trending, name="about-trending"),
    path("privacy/", site.privacy, name="privacy"),
    path("robots.txt", site.robots, name="robots"),
    path("preview/", preview.preview, name="preview"),
    path("subscribe/", subscriber.subscribe, name="subscribe"),
    path("confirm/<str:token>/", subscriber.confirm, name="confirm"),
    path("preferences/<str:token>/", preferences.preferences, name="preferences"),
    path("privacy/<str:token>/", personal_data.personal_data, name="personal-data"),
    path("unsubscribe/undo/<str:token>/", subscriber.undo_unsubscription, name="undo"),
    path("unsubscribe/<str:token>/", subscriber.unsubscribe, name="unsubscribe"),
    path("feedback/<str:token>/", subscriber.rate, name="feedback"),
    path("feedback/digest/<str:token>/", rate_papers.rate_papers, name="rate-papers"),
    path("feeds/<str:token>/feed.xml", private_feed.atom, name="private-feed"),
    path("feeds/<str:token>/feed.json", private_feed.json, name="private-feed-json"),
    path("digest/<str:token>/", digest.digest, name="digest"),
    path("inbox/", inbox.inbox, name="inbox"),
    path("inbox/<str:name>/", inbox.message, name="inbox-message"),
    path("inbox/<str:name>/html/", inbox.html_part, name="inbox-html"),
    path("inbox/<str:name>/raw/", inbox.raw, name="inbox-raw"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("admin/", admin.site.urls),
    path("anymail/", include((webhooks.urlpatterns(), "anymail"))),
]
handler404 = "newsletter.web.views.errors.not_found"
handler500 = "newsletter.web.views.errors.server_error"
