"""Every public address, in one place. GET never changes state on any of them."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("anymail/", include("anymail.urls")),
]
