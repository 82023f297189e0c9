"""From numbers to pages: tables, figures, the site, and whether they agree with the records."""
