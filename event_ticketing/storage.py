"""Static files with far-future names."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Hashed and compressed files; names inside JavaScript modules are rewritten as well."""

    support_js_module_import_aggregation = True
