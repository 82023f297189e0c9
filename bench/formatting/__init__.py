"""What all pages and figures share: numbers, Markdown, plotting."""
